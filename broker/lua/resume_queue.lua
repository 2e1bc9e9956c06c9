-- resume_queue.lua: let tasks of a queue be claimed again.
--
-- Uses     ready.lua, waking.lua
-- KEYS[1]  prefix
-- ARGV[1]  queue
--
-- Returns  1 resumed | 0 it was so before | -1 no such queue
-- Writes   paused of qm:<queue>; an event `queue_resumed`; wakes as many parked workers as there
--          are tasks that may run, at most 128.
-- Cost     O(shapes of the queue)

local queue = ARGV[1]

if call("SISMEMBER", queues_key(), queue) == 0 then
  return -1
end
if call("HDEL", queue_key(queue), "paused") == 0 then
  return 0
end
publish("", "queue_resumed", "queue", queue)
wake_for_ready(queue)
return 1
