-- limit_queue.lua: let only so many tasks of a queue run at a time.
--
-- Uses     ready.lua, waking.lua
-- KEYS[1]  prefix
-- ARGV[1]  queue
-- ARGV[2]  limit    integer from 0, or '': none
--
-- Returns  1 limited | 0 it was so before | -1 no such queue
-- Writes   max_running of qm:<queue>; an event `queue_limited`; wakes as many parked workers as
--          there are tasks that may run now, at most 128. What runs above the limit goes on.
-- Cost     O(shapes of the queue)

local queue, limit = ARGV[1], ARGV[2]

if call("SISMEMBER", queues_key(), queue) == 0 then
  return -1
end
if (call("HGET", queue_key(queue), "max_running") or "") == limit then
  return 0
end
if limit == "" then
  call("HDEL", queue_key(queue), "max_running")
else
  call("HSET", queue_key(queue), "max_running", limit)
end
publish("", "queue_limited", "queue", queue, "max_running", limit)
wake_for_ready(queue)
return 1
