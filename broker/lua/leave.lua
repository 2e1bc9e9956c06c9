-- leave.lua: forget a worker that ended: it is not listed and not woken any more.
--
-- Uses     ready.lua, parking.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
--
-- Returns  1 forgotten | 0 no such worker
-- Writes   wks, wk: and in: of the worker, its parking. What it was woken for and has not claimed
--          wakes another one.
-- Cost     O(log N)

local worker = ARGV[1]

local told = call("HMGET", worker_key(worker), "parked", "woken")
if told[1] then
  unpark(worker, told[1])
end
call("UNLINK", worker_key(worker), inbox_key(worker))
local queue, shape = read_woken(told[2])
if queue then
  pass_on(queue, shape)
end
return call("ZREM", workers_key(), worker)
