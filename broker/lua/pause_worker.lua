-- pause_worker.lua: tell a worker to claim nothing until it is resumed. What it runs goes on.
--
-- Uses     ready.lua, parking.lua, commands.lua, closing.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
-- ARGV[2]  who says so, for people
--
-- Returns  1 told | 0 it was paused already | -1 no such worker
-- Writes   !cmd:<worker> paused, which outlives this session of the worker; its inbox; it is not
--          parked any more. What it was woken for and has not claimed yet wakes another one.
-- Cost     O(log N)

local worker, who = ARGV[1], ARGV[2]

if call("HEXISTS", command_key(worker), "paused") == 1 then
  return call("ZSCORE", workers_key(), worker) and 0 or -1
end
if tell_worker(worker, "paused", "1", "paused_who", who, "paused_ms", I(NOW)) == 0 then
  return -1
end
return 1
