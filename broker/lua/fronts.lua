-- fronts.lua: the fronts of many ready sets, read a few tasks at a time.
--
-- A part of other scripts (`Uses`); needs prelude.lua and ready.lua.
-- What was taken leaves its ready set in leave_fronts(), so until then it is skipped by rank.

local AHEAD, BESIDE = 16, 16
local fronts, fronts_in_order = {}, {} -- by key

-- Find out of which shapes the queue of a number, and those beside it, have a ready task: of many
-- queues a claim mostly looks at few. `ready` gets a list of shapes for each number.
local function read_ready(ready, queues, shapes, number)
  local first = number - (number - 1) % BESIDE
  local last = math.min(first + BESIDE - 1, #queues)
  for n = first, last do
    ready[n] = {}
  end
  for _, shape in ipairs(shapes) do
    local is_member = call("SMISMEMBER", ready_queues_key(shape), unpack(queues, first, last))
    for n = first, last do
      if is_member[n - first + 1] == 1 then
        table.insert(ready[n], shape)
      end
    end
  end
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

-- The front of one queue whose first task is soonest; nil when there is no task. Of equal scores the
-- lower id comes first, as it does within one ready set.
local function soonest_front(queue, shapes, wanted)
  local best, lowest, lowest_id
  for _, shape in ipairs(shapes) do
    local front = front_of(queue, shape)
    local score = first_score(front, wanted)
    local id = score and front.read[front.at]
    if score and (not best or score < lowest or (score == lowest and id < lowest_id)) then
      best, lowest, lowest_id = front, score, id
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

-- Take what was popped out of the ready sets; what was put into `runs` runs. In this order: where a
-- command fails, no task is in neither of them.
local function leave_fronts()
  for _, front in ipairs(fronts_in_order) do
    if #front.runs > 0 then
      call("ZADD", running_key(front.queue), unpack(front.runs))
    end
  end
  for _, front in ipairs(fronts_in_order) do
    if #front.taken > 0 then
      call("ZREM", front.key, unpack(front.taken))
      if call("EXISTS", front.key) == 0 then
        call("SREM", ready_queues_key(front.shape), front.queue)
      end
    end
  end
end
