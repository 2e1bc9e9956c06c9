-- drain.lua: tell a worker to claim no more, and to stop when its tasks have ended.
--
-- Uses     parking.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
--
-- Returns  1 told | 0 no such worker
-- Writes   wk:<worker> command; its inbox; it is not parked any more.
-- Cost     O(log N)

local worker = ARGV[1]

if not call("ZSCORE", workers_key(), worker) then
  return 0
end
local profile = call("HGET", worker_key(worker), "parked")
if profile then
  unpark(worker, profile)
end
call("HSET", worker_key(worker), "command", "drain")
call("XADD", inbox_key(worker), "MAXLEN", "~", "256", "*", "c", "drain")
return 1
