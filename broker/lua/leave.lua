-- leave.lua: forget a worker that ended: it is not listed and not woken any more.
--
-- Uses     ready.lua, parking.lua, commands.lua, closing.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
--
-- Returns  1 forgotten | 0 no such worker
-- Writes   wks, wk: and in: of the worker, its parking, its command; a pause and labels stay for its
--          next session. What it was woken for and has not claimed wakes another one.
-- Cost     O(log N)

local worker = ARGV[1]

step_aside(worker)
forget_command(worker)
call("UNLINK", worker_key(worker), inbox_key(worker))
return call("ZREM", workers_key(), worker)
