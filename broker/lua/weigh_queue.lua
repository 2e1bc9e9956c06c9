-- weigh_queue.lua: change a queue's share under round robin and weighted order.
--
-- KEYS[1]  prefix
-- ARGV[1]  queue
-- ARGV[2]  weight   number, 0.001 to 1000000; 1 is usual
--
-- Returns  1 weighed | 0 it was so before | -1 no such queue
-- Writes   weight of qm:<queue>; an event `queue_weighed`. It counts from the next claim on.
-- Cost     O(1)

local queue, weight = ARGV[1], ARGV[2]

if call("SISMEMBER", queues_key(), queue) == 0 then
  return -1
end
if (call("HGET", queue_key(queue), "weight") or "1") == weight then
  return 0
end
if weight == "1" then
  call("HDEL", queue_key(queue), "weight")
else
  call("HSET", queue_key(queue), "weight", weight)
end
publish("", "queue_weighed", "queue", queue, "weight", weight)
return 1
