-- commands.lua: what a worker is told. It lies under protected keys, which who submits can't write.
--
-- A part of other scripts (`Uses`); needs prelude.lua.

local COMMAND_TTL_MS = 2592000000 -- 30 days

local function keep_commands(worker)
  call("PEXPIRE", command_key(worker), COMMAND_TTL_MS)
  call("PEXPIRE", worker_labels_key(worker), COMMAND_TTL_MS)
end

-- Whether it was told to leave, or to claim nothing for now.
local function is_held_back(worker)
  local told = call("HMGET", command_key(worker), "command", "paused")
  return told[1] ~= false or told[2] ~= false
end

-- Forget that it was told to drain, stop or restart; a pause stays. Return whether it was.
local function forget_command(worker)
  return call("HDEL", command_key(worker), "command", "who", "at_ms") > 0
end
