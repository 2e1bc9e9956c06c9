-- schedule_pause.lua: let a schedule fire no more until it is resumed.
--
-- KEYS[1]  prefix
-- ARGV[1]  name
-- ARGV[2]  reason      text, or ''
-- ARGV[3]  revision    only of this revision; '': of any
--
-- Returns  paused | already | replaced (another revision: nothing is written)
--          | '' no such schedule: its time in `cron`, if it has one, goes
-- Writes   cr:<name> paused, reason; its time in `cron` becomes +inf. Where the record is no hash
--          only the time: a scheduler must not meet it again every second.
-- Cost     O(log schedules)

local name, reason, revision = ARGV[1], ARGV[2], ARGV[3]
local record = schedule_key(name)
if call("EXISTS", record) == 0 then
  if call("ZREM", schedules_key(), name) == 1 then
    publish("", "ghost", "schedule", name)
  end
  return ""
end
local stored = try("HMGET", record, "revision", "paused")
if not stored.err then
  if revision ~= "" and stored[1] ~= revision then
    return "replaced"
  end
  if stored[2] == "1" and call("ZSCORE", schedules_key(), name) == "inf" then
    return "already"
  end
  call("HSET", record, "paused", "1", "reason", reason)
end
call("ZADD", schedules_key(), "+inf", name)
publish("", "schedule_paused", "schedule", name, "reason", string.sub(reason, 1, 200))
return "paused"
