-- describe_queue.lua: make a queue, or change what is said of one.
--
-- KEYS[1]  prefix
-- ARGV[1]  queue
-- ARGV[2]  description  text; '': leave it as it is
--
-- Returns  1 made | 0 there was one
-- Writes   qs; description of qm:<queue>; an event `queue_created`.
-- Cost     O(1)

local queue, description = ARGV[1], ARGV[2]

if description ~= "" then
  call("HSET", queue_key(queue), "description", description)
end
local is_new = call("SADD", queues_key(), queue)
if is_new == 1 then
  publish("", "queue_created", "queue", queue)
end
return is_new
