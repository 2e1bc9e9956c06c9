-- resume_worker.lua: let a paused worker claim again, or one that is outside of its hours.
--
-- Uses     ready.lua, commands.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
-- ARGV[2]  length   integer, ms; it claims for so long also outside of its hours. 0: it keeps to them
--
-- Returns  1 told | 0 it was not paused, and there is no length | -1 no such worker
-- Writes   !cmd:<worker> without its pause, with open_until_ms; its inbox.
-- Cost     O(1)

local worker, length = ARGV[1], tonumber(ARGV[2])

if not call("ZSCORE", workers_key(), worker) then
  return -1
end
local was_paused = call("HDEL", command_key(worker), "paused", "paused_who", "paused_ms") > 0
if length > 0 then
  call("HSET", command_key(worker), "open_until_ms", I(NOW + length))
  keep_commands(worker)
end
if not was_paused and length == 0 then
  return 0
end
send(worker, "c", "look")
return 1
