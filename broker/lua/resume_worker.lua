-- resume_worker.lua: let a paused worker claim again.
--
-- Uses     ready.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
--
-- Returns  1 told | 0 it was not paused | -1 no such worker
-- Writes   !cmd:<worker> without its pause; its inbox.
-- Cost     O(1)

local worker = ARGV[1]

if not call("ZSCORE", workers_key(), worker) then
  return -1
end
if call("HDEL", command_key(worker), "paused", "paused_who", "paused_ms") == 0 then
  return 0
end
send(worker, "c", "look")
return 1
