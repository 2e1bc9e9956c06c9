-- orders.lua: a waiting task's way to another place in its queue.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua, parking.lua, placing.lua and
-- neighbours.lua.
-- A band is 127 - priority; no move leaves the band that it is for. Ends of a band are given out
-- by two counters of the queue, `sequence` and `tops`, so nobody gets the place of a task that
-- runs just now and comes back. Between two others a task gets the middle; when there is none
-- left, up to MOST_NEIGHBOURS tasks behind it are moved apart.

local MOST_NEIGHBOURS, ROOM = 1000, 64
local STANDS = { queued = true, blocked = true }

local function band_of(score)
  return math.floor(score / BAND)
end

-- A task that stands in a queue, or nil and what to answer.
local function read_standing(id)
  local task = read_task(id, "state", "queue", "shape", "order", "priority", "key")
  if not task then
    return nil, { "missing" }
  end
  if not STANDS[task[1]] then
    return nil, { "state", task[1] }
  end
  local key = ready_key(task[2], task[3])
  local stored = task[1] == "queued" and call("ZSCORE", key, id)
  return {
    id = id, state = task[1], queue = task[2], shape = task[3], key = task[6],
    priority = task[5], score = sound_order(stored or task[4]),
  }
end

-- A new place before all others of a band.
local function first_order(queue, band)
  local tops = whole(call("HGET", queue_key(queue), "tops"), 0) + 1
  call("HSET", queue_key(queue), "tops", I(tops))
  return band * BAND + MIDDLE - tops * STEP
end

-- A new place behind all others of a band. read_sequence() came before.
local function last_order(queue, band)
  return tonumber(next_order(queue, 127 - band))
end

-- A score between two others, none of them included; nil when there is none.
local function middle_of(low, high)
  local middle = math.floor((low + high) / 2)
  if middle % STEP == 0 and middle + 1 < high then
    middle = middle + 1 -- a task that was never moved may come back to this one
  end
  if low < middle and middle < high then
    return middle
  end
end

local function move_neighbour(place, score)
  call("ZADD", place.key, I(score), place.id)
  if read_task(place.id, "state") then
    call("HSET", task_key(place.id), "order", I(score))
  end
end

-- Move tasks from `high` on apart, so that there is a place between `low` (a score) and them.
-- Return that place; nil when too many stand too close.
local function make_room(queue, id, low, high)
  local band, run, next_behind = band_of(high.score), { high }, walk(queue, high, true, id)
  local limit
  while not limit and #run <= MOST_NEIGHBOURS do
    local behind = next_behind()
    if not behind or band_of(behind.score) ~= band then
      limit = last_order(queue, band)
    elseif behind.score - low >= (#run + 2) * ROOM then
      limit = behind.score
    else
      run[#run + 1] = behind
    end
  end
  local step = limit and math.floor((limit - low) / (#run + 2)) or 0
  if step < 1 then
    return nil
  end
  for n, place in ipairs(run) do
    move_neighbour(place, low + (n + 1) * step)
  end
  return low + step
end

-- A score for a task between two places of a band, each nil at the end of the band; nil when too
-- many stand too close.
local function score_between(queue, id, band, low, high)
  if not high then
    local score = last_order(queue, band)
    if low and score <= low.score then -- somebody else wrote that score
      local limit = (band + 1) * BAND
      score = middle_of(low.score, limit) or limit - 1
    end
    return score
  end
  if not low then
    local score = first_order(queue, band)
    if score < high.score and band_of(score) == band then
      return score
    end
  end
  local bound = low and low.score or band * BAND - 1
  return middle_of(bound, high.score) or make_room(queue, id, bound, high)
end

-- Give a task its score, where it stands and in its record.
local function set_order(task, score)
  call("HSET", task_key(task.id), "order", I(score))
  if task.state == "queued" then
    call("ZADD", ready_key(task.queue, task.shape), "XX", I(score), task.id)
  elseif task.state == "blocked" then
    call("ZADD", parked_tasks_key(task.key), "XX", I(score), task.id)
  end
end

local function write_priority(id, priority)
  if whole(priority, 0) == 0 then
    call("HDEL", task_key(id), "priority")
  else
    call("HSET", task_key(id), "priority", priority)
  end
end

-- Put a task between two neighbours, each nil at the end of the band, and answer. A blocked one
-- is always given a new place: others that are blocked, and no neighbours, may be on either side.
local function put_between(task, band, low, high, how)
  local is_there = band_of(task.score) == band and (not low or is_before(low, task)) and
    (not high or is_before(task, high))
  if is_there and task.state == "queued" then
    return { "unchanged", position_of(task.queue, task.score) }
  end
  local broken = read_sequence(task.queue)
  if broken then
    return broken
  end
  local score = score_between(task.queue, task.id, band, low, high)
  if not score then
    return { "crowded" }
  end
  write_sequences()
  set_order(task, score)
  event(task.id, "moved", how, "state", task.state, "queue", task.queue, "how", how)
  return { "moved", position_of(task.queue, score) }
end

-- The place of another task of the same queue, or nil and what to answer.
local function read_other(task, id)
  if id == task.id then
    return nil, { "itself" }
  end
  local other = read_task(id, "state", "queue", "shape", "priority")
  if not other then
    return nil, { "other", "", "" }
  end
  local key = ready_key(task.queue, other[3])
  local score = call("ZSCORE", key, id)
  if not score then
    return nil, { "other", other[1], other[2] }
  end
  return { id = id, score = tonumber(score), key = key, priority = other[4] }
end
