-- phase.lua: tell what a running task does just now.
--
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  fence    as claim.lua gave it
-- ARGV[3]  nonce
-- ARGV[4]  phase    snapshot | environment | starting | running | finishing
--
-- Returns  1 told | -1 no such task | -2 fenced
-- Writes   field phase, an event; nothing unless it returns 1, nor where it is told already.
-- Cost     O(1)

local id, fence, nonce, phase = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local task = read_task(id, "state", "fence", "nonce", "queue", "phase")
if not task then
  return -1
end
if task[1] ~= "running" or task[2] ~= fence or task[3] ~= nonce then
  return -2
end
if task[5] == phase then
  return 1 -- a worker tells it again, since Redis may have lost it
end
call("HSET", task_key(id), "phase", phase)
event(id, "phase", phase, "phase", phase, "queue", task[4], "fence", fence)
return 1
