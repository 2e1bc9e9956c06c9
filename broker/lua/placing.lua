-- placing.lua: a task's first place in a queue.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua and parking.lua.

local sequences, changed = {}, {} -- queue -> the number of its last task; whether it is new

-- Read the number of a queue's last task, before anything is written. Return an error reply when
-- the queue's key holds something else. A number that somebody broke goes on with the seconds
-- since 1970, which is above any that was given out.
local function read_sequence(queue)
  if sequences[queue] then
    return nil
  end
  local stored = try("HGET", queue_key(queue), "sequence")
  if type(stored) == "table" then
    return redis.error_reply("WRONGTYPE queue " .. queue .. ": its key " .. queue_key(queue)
      .. " is no hash")
  end
  local number = whole(stored or "0", -1)
  if number < 0 or number > 2 ^ 32 then
    number = math.floor(NOW / 1000)
  end
  sequences[queue] = number
end

-- The next place at the end of a priority. read_sequence() came before.
local function next_order(queue, priority)
  sequences[queue], changed[queue] = sequences[queue] + 1, true
  return I((127 - priority) * BAND + MIDDLE + sequences[queue] * STEP)
end

local function write_sequences()
  for queue in pairs(changed) do
    call("HSET", queue_key(queue), "sequence", I(sequences[queue]))
  end
end

-- A shape that a queue never had: whoever listens and can't be woken for it reads the shapes again.
-- A profile that names the shape, of other queues of its workers, is in interested_key() already.
local function announce(queue, shape, need)
  if call("SADD", queue_shapes_key(queue), shape) == 0 then
    return
  end
  call("SADD", queues_key(), queue)
  call("HSETNX", shapes_key(), shape, need)
  local left = 1000
  for _, profile in ipairs(call("SRANDMEMBER", listeners_key(queue), MOST_PROFILES)) do
    local is_known = call("SISMEMBER", interested_key(queue, shape), profile) == 1
    while left > 0 and not is_known and wake_one(profile, "c", "shapes") do
      left = left - 1
    end
  end
end
