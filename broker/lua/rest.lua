-- rest.lua: a worker claims nothing for now, by itself: nobody is to wake it.
--
-- Uses     ready.lua, parking.lua, commands.lua, closing.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
--
-- Returns  1
-- Writes   it is not parked any more. What it was woken for and has not claimed yet wakes another
--          one.
-- Cost     O(log N)

step_aside(ARGV[1])
return 1
