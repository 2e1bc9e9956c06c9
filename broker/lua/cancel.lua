-- cancel.lua: end a task, or ask its worker to end it.
--
-- Uses     ready.lua, endings.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  reason      text or ''
-- ARGV[3]  grace       integer, ms, between SIGTERM and SIGKILL; '': the task's own
-- ARGV[4]  retention   integer, ms; how long a final record stays
--
-- Returns  cancelled | requested (it runs: its worker is told) | final | '' no such task
-- Writes   cancelled: the task leaves its index and is final. requested: t: cancel, x: cancel_reason,
--          a message in the worker's inbox, an event the first time; beats repeat it.
-- Cost     O(log N)

local id, reason, retention = ARGV[1], ARGV[2], tonumber(ARGV[4])
local grace = ARGV[3] == "" and "default" or ARGV[3]

local task = read_task(id, "state", "queue", "shape", "worker", "cancel")
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

if state == "queued" then
  drop_ready(id, queue, shape)
end
call("ZREM", delayed_key(), id)
call("ZREM", deadlines_key(), id)
finalize(id, "cancelled", reason, retention, queue)
return "cancelled"
