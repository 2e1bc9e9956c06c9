-- ready.lua: into and out of the ready sets, and waking whoever waits for a task.
--
-- A part of other scripts (`Uses`); needs prelude.lua.
-- A ready set q:<queue>:<shape> exists if and only if rdy:<shape> has the queue as a member.
-- Score = (127 - priority) * 2^44 + 2^43 + sequence * 2^10: lower is sooner, below 2^52 and so
-- exact, with room on both sides for moves within one priority.

local BAND, MIDDLE, STEP = 17592186044416, 8796093022208, 1024
local MOST_PROFILES, MOST_GHOSTS = 128, 16

local limits = {} -- queue -> {room, weight}, read once in a call

-- How many more tasks of a queue may run now, and its weight.
local function limits_of(queue)
  if limits[queue] then
    return limits[queue]
  end
  local stored = try("HMGET", queue_key(queue), "paused", "max_running", "weight")
  local found = { room = math.huge, weight = 1 }
  if not stored.err then
    local most, weight = whole(stored[2], nil), tonumber(stored[3] or "1")
    if stored[1] == "1" then
      found.room = 0
    elseif most then
      found.room = most - call("ZCARD", running_key(queue))
    end
    if weight and weight >= 0.001 and weight <= 1000000 then
      found.weight = weight
    end
  end
  limits[queue] = found
  return found
end

local function send(worker, ...)
  call("XADD", inbox_key(worker), "MAXLEN", "~", "256", "*", ...)
end

-- Take one live worker out of a profile's parking and write to it; nil when there is none.
local function wake_one(profile, ...)
  local idle = idle_key(profile)
  for _ = 1, MOST_GHOSTS do
    local worker = call("ZREVRANGEBYSCORE", idle, "+inf", "(" .. I(NOW), "LIMIT", 0, 1)[1]
    if not worker then
      return nil
    end
    call("ZREM", idle, worker)
    if call("ZSCORE", workers_key(), worker) then
      send(worker, ...)
      return worker
    end
    publish("", "ghost", "worker", worker) -- nobody reads its inbox, and nobody would remove it
  end
end

local nobody = {} -- sets of profiles in which nobody was parked, in this call

-- Wake exactly one parked worker that fits a task of this queue and shape, if there is one.
local function wake(queue, shape)
  local profiles = interested_key(queue, shape)
  if nobody[profiles] then
    return false
  end
  for _, profile in ipairs(call("SRANDMEMBER", profiles, MOST_PROFILES)) do
    local worker = wake_one(profile, "c", "wake", "q", queue)
    if worker then
      call("HSET", worker_key(worker), "woken", queue .. ":" .. shape)
      return true
    end
    if call("EXISTS", profile_key(profile)) == 0 then -- nobody parked under it for a day
      call("SREM", profiles, profile)
      call("SREM", listeners_key(queue), profile)
    end
  end
  nobody[profiles] = true
  return false
end

-- The queue and the shape that a worker was woken for, of what its hash says; nil when it was not.
local function read_woken(woken)
  return string.match(woken or "", "^(.+):([^:]+)$")
end

-- A worker was woken for a task and does not take it: wake somebody else.
local function pass_on(queue, shape)
  if call("EXISTS", ready_key(queue, shape)) == 1 and limits_of(queue).room > 0 then
    wake(queue, shape)
  end
end

-- A task of the queue ended: where max_running held others back, wake one worker for them.
local function wake_after_end(queue)
  local room = limits_of(queue).room
  if room <= 0 or room == math.huge then
    return
  end
  for _, shape in ipairs(call("SRANDMEMBER", queue_shapes_key(queue), MOST_PROFILES)) do
    if call("EXISTS", ready_key(queue, shape)) == 1 and wake(queue, shape) then
      return
    end
  end
end

local function add_ready(id, queue, shape, score)
  call("ZADD", ready_key(queue, shape), score, id)
  call("SADD", ready_queues_key(shape), queue)
  if limits_of(queue).room > 0 then
    wake(queue, shape)
  end
end

local function drop_ready(id, queue, shape)
  call("ZREM", ready_key(queue, shape), id)
  if call("EXISTS", ready_key(queue, shape)) == 0 then
    call("SREM", ready_queues_key(shape), queue)
  end
end

-- The score that a record names; when it is not ours, the last of the default priority.
local function sound_order(order)
  local score = whole(order, -1)
  if score < 0 or score >= 256 * BAND then
    return 128 * BAND - 1
  end
  return score
end

-- Put a task (back) into its own place; it waited there before. `order` is what its record holds.
local function put_ready(id, queue, shape, order)
  call("HSET", task_key(id), "state", "queued")
  add_ready(id, queue, shape, I(sound_order(order)))
end

-- Put a task (back) into its own place; it begins to wait there now.
local function make_ready(id, queue, shape, order)
  call("HSET", task_key(id), "queued_ms", I(NOW))
  local timeout = whole(call("HGET", task_key(id), "queue_timeout_ms"), 0)
  if timeout > 0 then
    call("ZADD", deadlines_key(), I(NOW + timeout), id)
  end
  put_ready(id, queue, shape, order)
end
