-- move_by.lua: let a task go ahead of some others, or let some go ahead of it.
--
-- Uses     ready.lua, parking.lua, placing.lua, neighbours.lua, orders.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  steps    integer, -1000 to 1000; below 0: to the front. Ends with the priority
--
-- Returns  {moved | unchanged, position}; position from 1: how many stand before it, and 1
--          | {missing} no such task | {state, its state} it stands in no queue | {crowded} too
--          many tasks stand at one place
-- Writes   order of its record and its score; an event `moved`. Where two tasks stand too close,
--          those of up to 1000 behind them. A blocked task gets the place that it comes back to.
-- Cost     O(shapes of the queue x log N + steps), and O(1000 log N) where places ran out

local id, steps = ARGV[1], tonumber(ARGV[2])
local MOST_STEPS = 1000

local task, refusal = read_standing(id)
if not task then
  return refusal
end
local band, is_back = band_of(task.score), steps > 0
local next_place = walk(task.queue, task, is_back, id)

-- The next place of the priority; nil at its end.
local function next_of_band()
  local place = next_place()
  if place and band_of(place.score) == band then
    return place
  end
end

local passed
for _ = 1, math.min(math.abs(steps), MOST_STEPS) do
  local place = next_of_band()
  if not place then
    break
  end
  passed = place
end
if not passed then -- it is at the end of its priority, or no steps were asked for
  return { "unchanged", position_of(task.queue, task.score) }
end
local how = "by " .. I(steps)
if is_back then
  return put_between(task, band, passed, next_of_band(), how)
end
return put_between(task, band, next_of_band(), passed, how)
