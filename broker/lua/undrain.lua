-- undrain.lua: let a worker claim again that was told to leave and has not left yet.
--
-- Uses     ready.lua, commands.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
--
-- Returns  1 told | 0 no such worker, or it was not told to leave
-- Writes   !cmd:<worker> without its command; its inbox. A pause stays.
-- Cost     O(1)

local worker = ARGV[1]

if not call("ZSCORE", workers_key(), worker) or not forget_command(worker) then
  return 0
end
send(worker, "c", "look")
return 1
