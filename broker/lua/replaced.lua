-- replaced.lua: note what was known of the namespace before Redis came back with nothing.
--
-- KEYS[1]  prefix
-- ARGV[1]  birth    that the namespace had before
-- ARGV[2]  known    Unix ms; when it was known
-- ARGV[3]  what     JSON, at most 4 KiB: how many of each
--
-- Returns  1 noted | 0 somebody knew it later, or nothing was replaced
-- Writes   g: replaced_ms once, replaced_known_ms, replaced; the first time an event.
-- Cost     O(1)

local birth, known, what = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local stored = call("HMGET", globals__key(), "birth", "replaced_ms", "replaced_known_ms")
if not stored[1] or stored[1] == birth or known <= whole(stored[3], 0) or #what > 4096 then
  return 0
end
if not stored[2] then
  call("HSET", globals__key(), "replaced_ms", I(NOW))
  publish("", "server_replaced", "before", birth)
end
call("HSET", globals__key(), "replaced_known_ms", I(known), "replaced", what)
return 1
