-- references.lua: what nobody refers to any more goes.
--
-- A part of other scripts (`Uses`); needs prelude.lua.

local MOST_BLOBS = 1000 -- of one definition

-- Count users of something less. Whether those were the last: a count that never was is none.
local function lose(field, count)
  local left = try("HINCRBY", references_key(), field, -count)
  if type(left) ~= "number" or left > 0 then
    return false
  end
  call("HDEL", references_key(), field)
  return left == 0
end

-- Count users of a definition less. With the last one it goes. Its blobs get a TTL instead:
-- somebody may just have been told that one is there, and be about to refer to it.
local function lose_definition(digest, count, ttl)
  if not lose("d:" .. digest, count) then
    return
  end
  call("UNLINK", definition_key(digest))
  local left = MOST_BLOBS
  for blob in string.gmatch(call("HGET", references_key(), "blobs:" .. digest) or "", "%x+") do
    left = left - 1
    if left >= 0 and lose("blob:" .. blob, 1) then
      call("PEXPIRE", blob_key(blob), ttl)
    end
  end
  call("HDEL", references_key(), "blobs:" .. digest)
end
