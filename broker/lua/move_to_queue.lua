-- move_to_queue.lua: let a task wait in another queue, behind the others of its priority.
--
-- Uses     ready.lua, parking.lua, placing.lua, neighbours.lua, orders.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  queue    it appears if there was none of that name
--
-- Returns  {moved | unchanged, position}; position from 1, 0 where it stands in no queue yet
--          | {missing} no such task | {state, its state} it runs or is final
-- Writes   queue and order of its record, by:queue:, its ready set or its place among the blocked
--          ones; an event `moved`; wakes one parked worker for a queued task. A draft has no order
--          yet: only its record and by:queue: change.
-- Cost     O(shapes of the queue x log N)

local id, target = ARGV[1], ARGV[2]
local WAITS = { queued = true, blocked = true, delayed = true, waiting = true, draft = true }

local stored = read_task(id, "state", "queue", "shape", "order", "key")
if not stored then
  return { "missing" }
end
local state, source, shape = stored[1], stored[2], stored[3]
if not WAITS[state] then
  return { "state", state }
end
local task = read_standing(id)
if source == target then
  return { "unchanged", task and position_of(target, task.score) or 0 }
end
local broken = read_sequence(target)
if broken then
  return broken
end

call("HSET", task_key(id), "queue", target)
call("ZREM", index_key("queue", source), id)
call("ZADD", index_key("queue", target), "0", id)
event(id, "moved", "to queue " .. target, "state", state, "queue", target, "how", "queue",
  "from", source)
local score
if state ~= "draft" then
  announce(target, shape, call("HGET", shapes_key(), shape) or "")
  score = last_order(target, band_of(task and task.score or sound_order(stored[4])))
  write_sequences()
  call("HSET", task_key(id), "order", I(score))
end
if state == "queued" then
  drop_ready(id, source, shape)
  add_ready(id, target, shape, I(score))
elseif state == "blocked" then
  call("ZADD", parked_tasks_key(stored[5]), "XX", I(score), id)
end
return { "moved", task and position_of(target, score) or 0 }
