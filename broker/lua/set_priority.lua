-- set_priority.lua: change how urgent a task is.
--
-- Uses     ready.lua, parking.lua, placing.lua, neighbours.lua, orders.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  priority  integer, -128 to 127; larger is sooner
--
-- Returns  {moved | unchanged, position}; position from 1, 0 where it stands in no queue yet
--          | {missing} no such task | {state, its state} it runs or is final | {crowded} too many
--          tasks stand at one place
-- Writes   priority and order of its record, its score; an event `priority`. Among its new equals
--          it stands by its age, as among its old ones. Where two tasks stand too close, the scores
--          of up to 1000 behind them. A draft has no order yet.
-- Cost     O(shapes of the queue x log N), and O(1000 log N) where places ran out

local id, priority = ARGV[1], tonumber(ARGV[2])
local WAITS = { queued = true, blocked = true, delayed = true, waiting = true, draft = true }

local stored = read_task(id, "state", "queue", "priority", "order")
if not stored then
  return { "missing" }
end
local state, queue, order = stored[1], stored[2], stored[4]
if not WAITS[state] then
  return { "state", state }
end
local task = read_standing(id)
local before = task and task.score or sound_order(order)
local band = 127 - priority
local score, is_same = band * BAND + before % BAND, whole(stored[3], 0) == priority

-- The task that has this place already; nil when it is free.
local function read_holder()
  local place = walk(queue, { id = "", score = score }, true, id)()
  return place and place.score == score and place or nil
end

local is_changed = not is_same
if task then
  is_changed = is_changed or score ~= before
  local holder = is_changed and read_holder()
  if holder then
    local behind = walk(queue, { id = "~", score = score }, true, id)()
    local high = behind and band_of(behind.score) == band and behind or nil
    local broken = read_sequence(queue)
    if broken then
      return broken
    end
    score = score_between(queue, id, band, holder, high)
    if not score then
      return { "crowded" }
    end
    write_sequences()
  end
  set_order(task, score)
elseif order ~= "" then
  call("HSET", task_key(id), "order", I(score))
end
write_priority(id, I(priority))
if is_changed then
  event(id, "priority", I(priority), "state", state, "queue", queue, "priority", I(priority))
end
return { is_changed and "moved" or "unchanged", task and position_of(queue, score) or 0 }
