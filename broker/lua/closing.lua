-- closing.lua: a worker that is to claim no more.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua and parking.lua.

-- Tell a worker. What it was woken for and has not claimed yet wakes another one.
-- Return 1 when it was told, 0 when there is no such worker.
local function close_worker(worker, command)
  if not call("ZSCORE", workers_key(), worker) then
    return 0
  end
  local told = call("HMGET", worker_key(worker), "parked", "woken")
  if told[1] then
    unpark(worker, told[1])
  end
  call("HSET", worker_key(worker), "command", command)
  send(worker, "c", command)
  local queue, shape = read_woken(told[2])
  if queue then
    pass_on(queue, shape)
  end
  return 1
end
