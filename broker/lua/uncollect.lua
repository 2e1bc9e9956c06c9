-- uncollect.lua: give back what could not be archived, so that any archiver may have it at once.
--
-- KEYS[1]  prefix
-- ARGV[1]  number of tasks, 1 to 200
-- then, for each
--   id     as collect.lua gave it
--
-- Returns  how many of them the archive still lacks
-- Writes   their time in `arc`: now; nothing of those that are not in it any more.
-- Cost     O(tasks log N)

local places = {}
for n = 2, tonumber(ARGV[1]) + 1 do
  places[#places + 1] = I(NOW)
  places[#places + 1] = ARGV[n]
end
return call("ZADD", unarchived_key(), "XX", "CH", unpack(places))
