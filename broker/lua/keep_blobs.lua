-- keep_blobs.lua: let blobs that no definition refers to live on for a while.
--
-- KEYS[1]  prefix
-- ARGV[1]  ttl     integer, ms
-- ARGV[2..] digests
--
-- Returns  for each digest 1 if it is stored, else 0.
-- Writes   the TTL of blob:<digest> where it has one; a blob without one is in use and stays so.
-- Cost     O(digests)

local ttl, kept = ARGV[1], {}
for n = 2, #ARGV do
  local blob = blob_key(ARGV[n])
  local left = call("PTTL", blob)
  if left >= 0 then
    call("PEXPIRE", blob, ttl)
  end
  kept[n - 1] = left == -2 and 0 or 1
end
return kept
