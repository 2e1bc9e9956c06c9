-- positions.lua: the places of queued tasks in their queues, all at one moment.
--
-- KEYS[1]  prefix
-- ARGV[1]  queue of the first task
-- ARGV[2]  order of the first task: its score
-- then     queue and order of the others, at most 200 in all
--
-- Returns  for each the number of tasks of its queue that stand before it, and 1
-- Writes   nothing: EVALSHA_RO may run it.
-- Cost     O(tasks x shapes of their queues that have a task x log N)

local sets, positions = {}, {} -- queue -> its ready sets that hold something

local function ready_sets(queue)
  if not sets[queue] then
    sets[queue] = {}
    local shapes = try("SMEMBERS", queue_shapes_key(queue))
    for _, shape in ipairs(shapes) do
      local count = try("ZCARD", ready_key(queue, shape))
      if type(count) == "number" and count > 0 then
        table.insert(sets[queue], ready_key(queue, shape))
      end
    end
  end
  return sets[queue]
end

for n = 1, #ARGV, 2 do
  local before = 0
  for _, key in ipairs(ready_sets(ARGV[n])) do
    before = before + call("ZCOUNT", key, "-inf", "(" .. ARGV[n + 1])
  end
  positions[#positions + 1] = before + 1
end
return positions
