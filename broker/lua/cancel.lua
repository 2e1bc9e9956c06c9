-- cancel.lua: end a task, or ask its worker to end it.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, families.lua, waiting.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  reason      text or ''
-- ARGV[3]  grace       integer, ms, between SIGTERM and SIGKILL; '': the task's own
-- ARGV[4]  retention   integer, ms; how long a final record stays
--
-- Returns  cancelled | requested (it runs: its worker is told) | final | '' no such task
-- Writes   cancelled: the task leaves its index and is final. requested: t: cancel, x: cancel_reason,
--          a message in the worker's inbox, an event the first time; beats repeat it.
--          Its children are told, at most 200 in this call.
-- Cost     O(log N), and O(children)

local id, reason, retention = ARGV[1], ARGV[2], tonumber(ARGV[4])
local grace = ARGV[3] == "" and "default" or ARGV[3]

local task = read_task(id, "state", "queue", "shape", "worker", "cancel", "key")
if not task then
  return ""
end
local state, queue, shape, worker = task[1], task[2], task[3], task[4]
if FINAL[state] then
  return "final"
end

if state == "running" then
  call("HSET", task_key(id), "cancel", grace)
  if reason ~= "" then
    try("HSET", extra_key(id), "cancel_reason", reason)
  end
  if call("ZSCORE", workers_key(), worker) then
    send(worker, "c", "cancel", "id", id, "g", grace)
  end
  if task[5] == "" then
    event(id, "cancel", reason, "state", state, "queue", queue, "worker", worker)
  end
  return "requested"
end

leave_waiting(id, { state, queue, shape, task[6] })
finalize(id, "cancelled", reason, retention, queue)
fan_out(200, retention)
return "cancelled"
