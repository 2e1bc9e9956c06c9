-- schedule_remove.lua: forget a schedule. Tasks that it added stay.
--
-- Uses     references.lua
-- KEYS[1]  prefix
-- ARGV[1]  name
-- ARGV[2]  blob ttl    integer, ms; how long a blob stays that no definition refers to any more
--
-- Returns  1, or 0 if there is no such schedule
-- Writes   removes cr:<name> and its time in `cron`; counts a user of its definition less, which
--          goes with the last one.
-- Cost     O(log schedules + blobs)

local name = ARGV[1]
local definition = try("HGET", schedule_key(name), "definition")
local removed = call("ZREM", schedules_key(), name) + call("DEL", schedule_key(name))
if removed == 0 then
  return 0
end
if type(definition) == "string" then
  lose_definition(definition, 1, ARGV[2])
end
publish("", "schedule_removed", "schedule", name)
return 1
