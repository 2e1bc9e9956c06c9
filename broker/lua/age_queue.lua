-- age_queue.lua: let tasks of a queue rise by one priority when they have waited for long.
--
-- KEYS[1]  prefix
-- ARGV[1]  queue
-- ARGV[2]  ageing   integer, ms that a task waits until it rises; '': never
--
-- Returns  1 changed | 0 it was so before | -1 no such queue
-- Writes   ageing_ms of qm:<queue>, aqs; an event `queue_ageing`. tick.lua lets them rise. What has
--          risen stays where it is.
-- Cost     O(1)

local queue, ageing = ARGV[1], ARGV[2]

if call("SISMEMBER", queues_key(), queue) == 0 then
  return -1
end
if (call("HGET", queue_key(queue), "ageing_ms") or "") == ageing then
  return 0
end
if ageing == "" then
  call("HDEL", queue_key(queue), "ageing_ms")
  call("SREM", ageing_queues_key(), queue)
else
  call("HSET", queue_key(queue), "ageing_ms", ageing)
  call("SADD", ageing_queues_key(), queue)
end
publish("", "queue_ageing", "queue", queue, "ageing_ms", ageing)
return 1
