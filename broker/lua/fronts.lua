-- fronts.lua: the fronts of many ready sets, read a few tasks at a time.
--
-- A part of other scripts (`Uses`); needs prelude.lua and ready.lua.
-- What was taken leaves its ready set in leave_fronts(), so until then it is skipped by rank.

local AHEAD = 16
local fronts, fronts_in_order = {}, {} -- by key

-- Queue -> those of the shapes of which it has a ready task.
local function read_ready(queues, shapes)
  local ready = {}
  for _, shape in ipairs(shapes) do
    for n, is_member in ipairs(call("SMISMEMBER", ready_queues_key(shape), unpack(queues))) do
      if is_member == 1 then
        ready[queues[n]] = ready[queues[n]] or {}
        table.insert(ready[queues[n]], shape)
      end
    end
  end
  return ready
end

local function front_of(queue, shape)
  local key = ready_key(queue, shape)
  if not fronts[key] then
    fronts[key] = { key = key, queue = queue, shape = shape, read = {}, at = 1, taken = {}, runs = {} }
    table.insert(fronts_in_order, fronts[key])
  end
  return fronts[key]
end

-- The score of the first task that was not taken yet; nil at the end.
local function first_score(front, wanted)
  if front.at > #front.read then
    local from = #front.taken
    front.at = 1
    front.read = call("ZRANGE", front.key, from, from + math.min(wanted, AHEAD) - 1, "WITHSCORES")
  end
  return tonumber(front.read[front.at + 1])
end

-- The front of one queue whose first task is soonest; nil when there is no task.
local function soonest_front(queue, shapes, wanted)
  local best, lowest
  for _, shape in ipairs(shapes) do
    local front = front_of(queue, shape)
    local score = first_score(front, wanted)
    if score and (not best or score < lowest) then
      best, lowest = front, score
    end
  end
  return best
end

-- Take the first task. Its front must have one.
local function pop_front(front)
  local id = front.read[front.at]
  front.at = front.at + 2
  table.insert(front.taken, id)
  return id
end

-- Take what was popped out of the ready sets; what was put into `runs` runs.
local function leave_fronts()
  for _, front in ipairs(fronts_in_order) do
    if #front.taken > 0 then
      call("ZREM", front.key, unpack(front.taken))
      if call("EXISTS", front.key) == 0 then
        call("SREM", ready_queues_key(front.shape), front.queue)
      end
    end
    if #front.runs > 0 then
      call("ZADD", running_key(front.queue), unpack(front.runs))
    end
  end
end
