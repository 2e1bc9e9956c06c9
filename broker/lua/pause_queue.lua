-- pause_queue.lua: let no task of a queue be claimed until it is resumed.
--
-- KEYS[1]  prefix
-- ARGV[1]  queue
--
-- Returns  1 paused | 0 it was so before | -1 no such queue
-- Writes   paused of qm:<queue>; an event `queue_paused`. What runs goes on.
-- Cost     O(1)

local queue = ARGV[1]

if call("SISMEMBER", queues_key(), queue) == 0 then
  return -1
end
if call("HGET", queue_key(queue), "paused") == "1" then
  return 0
end
call("HSET", queue_key(queue), "paused", "1")
publish("", "queue_paused", "queue", queue)
return 1
