-- restart.lua: tell a worker to claim no more, and to start anew while its tasks go on.
--
-- Uses     ready.lua, parking.lua, commands.lua, closing.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
-- ARGV[2]  who says so, for people
--
-- Returns  1 told | 0 no such worker
-- Writes   !cmd:<worker> command; its inbox; it is not parked any more. What it was woken for and
--          has not claimed yet wakes another one.
-- Cost     O(log N)

return close_worker(ARGV[1], "restart", ARGV[2])
