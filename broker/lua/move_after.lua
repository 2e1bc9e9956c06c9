-- move_after.lua: put a task right behind another one of its queue.
--
-- Uses     ready.lua, parking.lua, placing.lua, neighbours.lua, orders.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  id of the other one
--
-- Returns  {moved | unchanged, position}; position from 1: how many stand before it, and 1
--          | {missing} no such task | {state, its state} it stands in no queue | {crowded} too
--          many tasks stand at one place | {itself}
--          | {other, its state or '', its queue} the other task is not queued in the same queue
-- Writes   order of its record and its score; the priority of the other one; an event `moved`.
--          Where two tasks stand too close, those of up to 1000 behind them. A blocked task gets
--          the place that it comes back to.
-- Cost     O(shapes of the queue x log N), and O(1000 log N) where places ran out

local id = ARGV[1]

local task, refusal = read_standing(id)
if not task then
  return refusal
end
local other, otherwise = read_other(task, ARGV[2])
if not other then
  return otherwise
end
local band = band_of(other.score)
local high = walk(task.queue, other, true, id)()
if high and band_of(high.score) ~= band then
  high = nil
end
local answer = put_between(task, band, other, high, "after " .. other.id)
if answer[1] == "moved" then
  write_priority(id, other.priority)
end
return answer
