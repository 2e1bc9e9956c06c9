-- undrain.lua: let a worker claim again that was told to drain and has not stopped yet.
--
-- KEYS[1]  prefix
-- ARGV[1]  worker
--
-- Returns  1 told | 0 no such worker, or it does not drain
-- Writes   wk:<worker> command; its inbox.
-- Cost     O(1)

local worker = ARGV[1]

if not call("ZSCORE", workers_key(), worker) then
  return 0
end
if call("HDEL", worker_key(worker), "command") == 0 then
  return 0
end
call("XADD", inbox_key(worker), "MAXLEN", "~", "256", "*", "c", "undrain")
return 1
