-- definitions.lua: what tasks share, stored with the first task that refers to it.
--
-- A part of other scripts (`Uses`); needs prelude.lua.
-- Nothing is written for a definition that no task of the call uses, so none is left without one.

local sent_definitions = {} -- digest -> {encoded, blobs}: those that came with the call

-- What is missing of a definition, or nil when it is stored (now).
local function define(digest)
  if call("EXISTS", definition_key(digest)) == 1 then
    return nil
  end
  local new = sent_definitions[digest]
  if not new then
    return "missing-definition"
  end
  for _, blob in ipairs(new.blobs) do
    if call("EXISTS", blob_key(blob)) == 0 then
      return "missing-blob"
    end
  end
  call("SET", definition_key(digest), new.encoded)
  if #new.blobs > 0 then -- for purge.lua, which can't read the definition
    call("HSET", references_key(), "blobs:" .. digest, table.concat(new.blobs, " "))
  end
  for _, blob in ipairs(new.blobs) do
    call("PERSIST", blob_key(blob))
    call("HINCRBY", references_key(), "blob:" .. blob, 1)
  end
end

local missing = {} -- digest -> what is missing of it, or false

-- What is missing of a definition, or false; asked once in a call.
local function missing_of(digest)
  if missing[digest] == nil then
    missing[digest] = define(digest) or false
  end
  return missing[digest]
end

local function count_users(digest, new)
  call("HINCRBY", references_key(), "d:" .. digest, new)
end
