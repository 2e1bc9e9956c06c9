-- schedule_resume.lua: let a paused schedule fire again.
--
-- KEYS[1]  prefix
-- ARGV[1]  name
-- ARGV[2]  next    integer, Unix ms; when it fires first
--
-- Returns  resumed | running (it is not paused: nothing is written) | '' no such schedule
-- Writes   cr:<name> paused, reason; its time in `cron`.
-- Cost     O(log schedules)

local name, next_fire = ARGV[1], ARGV[2]
local record = schedule_key(name)
local stored = try("HMGET", record, "revision", "paused")
if not stored[1] then
  return ""
end
if stored[2] ~= "1" and call("ZSCORE", schedules_key(), name) then
  return "running"
end
call("HDEL", record, "paused", "reason")
call("ZADD", schedules_key(), next_fire, name)
publish("", "schedule_resumed", "schedule", name)
return "resumed"
