-- closing.lua: a worker that is to claim no more, or nothing for now.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua, parking.lua and commands.lua.

-- Take a worker out of the parking. What it was woken for and has not claimed yet wakes another one.
local function step_aside(worker)
  local told = call("HMGET", worker_key(worker), "parked", "woken")
  if told[1] then
    unpark(worker, told[1])
  end
  local queue, shape = read_woken(told[2])
  if queue then
    pass_on(queue, shape)
  end
end

-- Write down what a worker is told, and let it look there: fields and values of its command.
-- Return 1 when it was told, 0 when there is no such worker.
local function tell_worker(worker, ...)
  if not call("ZSCORE", workers_key(), worker) then
    return 0
  end
  call("HSET", command_key(worker), ...)
  keep_commands(worker)
  send(worker, "c", "look")
  step_aside(worker)
  return 1
end

local function close_worker(worker, command, who)
  return tell_worker(worker, "command", command, "who", who, "at_ms", I(NOW))
end
