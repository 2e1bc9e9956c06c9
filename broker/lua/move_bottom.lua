-- move_bottom.lua: let a task be the last of its priority.
--
-- Uses     ready.lua, parking.lua, placing.lua, neighbours.lua, orders.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
--
-- Returns  {moved | unchanged, position}; position from 1: how many stand before it, and 1
--          | {missing} no such task | {state, its state} it stands in no queue | {crowded} too
--          many tasks stand at one place
-- Writes   order of its record and its score; an event `moved`. A blocked task gets the place that
--          it comes back to.
-- Cost     O(shapes of the queue x log N)

local id = ARGV[1]

local task, refusal = read_standing(id)
if not task then
  return refusal
end
local band = band_of(task.score)
local last = walk(task.queue, { id = "", score = (band + 1) * BAND }, false, id)()
return put_between(task, band, last, nil, "bottom")
