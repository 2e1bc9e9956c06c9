-- parking.lua: idle workers wait in idle:<profile> until a task comes that fits them.
--
-- A part of other scripts (`Uses`); needs prelude.lua.
-- A profile is registered with its queues and shapes once: pf:<profile> stands for "it is", and
-- lives for a day after the profile's last parking or beat, like the parking itself.

local PROFILE_TTL_MS = 86400000

local function keep_profile(profile)
  call("PEXPIRE", profile_key(profile), PROFILE_TTL_MS)
  call("PEXPIRE", idle_key(profile), PROFILE_TTL_MS)
end

local function register(profile, queues, shapes)
  for _, queue in ipairs(queues) do
    call("SADD", listeners_key(queue), profile)
    for _, shape in ipairs(shapes) do
      call("SADD", interested_key(queue, shape), profile)
    end
  end
end

local function park(worker, profile, queues, shapes, lease)
  if call("EXISTS", profile_key(profile)) == 0 then
    register(profile, queues, shapes)
    call("SET", profile_key(profile), "1")
  end
  call("ZADD", idle_key(profile), I(NOW + lease), worker)
  call("HSET", worker_key(worker), "parked", profile)
  keep_profile(profile)
end

local function unpark(worker, profile)
  call("ZREM", idle_key(profile), worker)
  call("HDEL", worker_key(worker), "parked", "woken")
end
