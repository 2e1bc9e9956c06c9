-- cron_fire.lua: add the tasks of a schedule whose time has come, if nobody else did.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, families.lua, waiting.lua, uniqueness.lua, parking.lua, placing.lua, definitions.lua, kinds.lua, adding.lua
-- KEYS[1]  prefix
-- ARGV[1]  name
-- ARGV[2]  revision    that the tasks were made of
-- ARGV[3]  expected    number, Unix ms; its time in `cron`
-- ARGV[4]  next        integer, Unix ms; when it fires next; '': never again
-- ARGV[5]  number of tasks, 0 to 200
-- then, unless there are none, the arguments of enqueue.lua
--
-- Returns  {fired, what enqueue.lua says of each task..} | {lost}: somebody else fired it, or
--          changed it: nothing is written | {gone}: no such schedule
-- Writes   the tasks, as enqueue.lua; its next time in `cron`; cr:<name> fired, fired_ms,
--          last_task. One that never fires again is paused.
-- Cost     as enqueue.lua

local name, revision, expected, next_fire = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local count, REFUSED = tonumber(ARGV[5]), {
  duplicate = true, past = true, unique = true,
  ["missing-definition"] = true, ["missing-blob"] = true, ["unknown-parent"] = true,
}

local record = schedule_key(name)
local stored = try("HGET", record, "revision")
if type(stored) ~= "string" then
  return { "gone" }
end
local score = call("ZSCORE", schedules_key(), name)
if stored ~= revision or not score or tonumber(score) ~= expected then
  return { "lost" }
end

-- The time moves on first: what a broken key refuses is not tried again and again.
call("ZADD", schedules_key(), next_fire == "" and "+inf" or next_fire, name)
local outcomes = count > 0 and add_tasks(6) or {}
if outcomes.err then -- nothing was added
  call("ZADD", schedules_key(), score, name)
  return outcomes
end

local added, last = 0, ""
for n, outcome in ipairs(outcomes) do
  if not REFUSED[string.match(outcome, "^[^:]*")] then
    added, last = added + 1, ARGV[#ARGV - 4 * (count - n) - 2]
  end
end
if added > 0 then
  try("HINCRBY", record, "fired", added)
  call("HSET", record, "fired_ms", I(NOW), "last_task", last)
end
if next_fire == "" then
  call("HSET", record, "paused", "1", "reason", "it never fires again")
end
publish("", "schedule_fired", "schedule", name, "added", I(added), "task", last)
return { "fired", unpack(outcomes) }
