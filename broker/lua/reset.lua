-- reset.lua: make a task that ended a draft again, as if it had never run.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
--
-- Returns  {reset} | {missing} no such task | {state, its state} of one that is not final:
--          nothing is written
-- Writes   removes its result and what its record says of the end. The fence stays, so that no
--          claim of before counts ever again; history and logs stay. How often a service ended soon
--          is forgotten (`retry`). It leaves done, dead, arc and by:state:; those of its parents that
--          still exist stay as long as it needs them. Children that were not told of its end yet
--          wait for the next one. An event.
-- Cost     O(log N + parents)

local id = ARGV[1]

local task = read_task(id, "state", "queue", "parents", "retry")
if not task then
  return { "missing" }
end
if not FINAL[task[1]] then
  return { "state", task[1] }
end

for _, key in ipairs({ done_key(), dead_key(), unarchived_key() }) do
  call("ZREM", key, id)
end
call("SREM", resolve_key(), id)
call("DEL", result_key(id))
call("HDEL", task_key(id), "order", "due_ms", "queued_ms", "started_ms", "finished_ms",
  "archived_ms", "overdue", "edits", "nonce", "finished", "worker", "phase", "exit_code", "cancel",
  "attempt", "lost", "isolation")
try("HDEL", extra_key(id), "reason", "cancel_reason", "used", "result_dropped", "result_until_ms")
local service = string.match(task[4], "^(restart [%a%-]+) %d+$") -- see restarts.py
if service then
  call("HSET", task_key(id), "retry", service)
end
local parents = {}
for _, edge in ipairs(task[3] ~= "" and parents_of(id) or {}) do
  if read_task(edge[2], "state") then
    parents[#parents + 1] = edge
  end
end
count_child(parents, 1)
enter_state(id, task[1], "draft")
call("HSET", task_key(id), "state", "draft")
event(id, "reset", "", "state", "draft", "queue", task[2])
return { "reset" }
