-- dequeue.lua: make a task that waits a draft again.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, families.lua, waiting.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
--
-- Returns  {dequeued} | {missing} no such task | {state, its state}: a draft, running or final one,
--          nothing is written
-- Writes   the task leaves the index that owns it and enters by:state:draft; its order is removed,
--          and its nonce: whoever lost a claim of it can't adopt or finish it later. Its uniqueness
--          key is free. It keeps its parents, which stay as long as it needs them. An event.
-- Cost     O(log N + parents)

local id = ARGV[1]
local WAITS = { queued = true, delayed = true, waiting = true, blocked = true }

local task = read_task(id, "state", "queue", "shape", "key", "unique")
if not task then
  return { "missing" }
end
if not WAITS[task[1]] then
  return { "state", task[1] }
end

leave_waiting(id, task)
enter_state(id, task[1], "draft")
free_unique(id, task[5])
call("HSET", task_key(id), "state", "draft")
call("HDEL", task_key(id), "order", "due_ms", "queued_ms", "nonce", "worker", "started_ms", "phase")
event(id, "dequeued", "", "state", "draft", "queue", task[2])
return { "dequeued" }
