-- drain.lua: tell a worker to claim no more, and to stop when its tasks have ended.
--
-- Uses     ready.lua, parking.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
--
-- Returns  1 told | 0 no such worker
-- Writes   wk:<worker> command; its inbox; it is not parked any more. What it was woken for and has not
--          claimed yet wakes another one.
-- Cost     O(log N)

local worker = ARGV[1]

if not call("ZSCORE", workers_key(), worker) then
  return 0
end
local told = call("HMGET", worker_key(worker), "parked", "woken")
if told[1] then
  unpark(worker, told[1])
end
call("HSET", worker_key(worker), "command", "drain")
send(worker, "c", "drain")
local queue, shape = read_woken(told[2])
if queue then
  pass_on(queue, shape)
end
return 1
