-- used.lua: keep the parameters that the script of a running task really used.
--
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  fence    as claim.lua gave it
-- ARGV[3]  nonce
-- ARGV[4]  used     JSON object of strings
--
-- Returns  1 kept | -1 no such task | -2 fenced
-- Writes   x:<id> used, t:<id> has_used; nothing unless it returns 1.
-- Cost     O(1)

local id, fence, nonce, used = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local task = read_task(id, "state", "fence", "nonce")
if not task then
  return -1
end
if task[1] ~= "running" or task[2] ~= fence or task[3] ~= nonce then
  return -2
end
try("HSET", extra_key(id), "used", used)
call("HSET", task_key(id), "has_used", "1")
return 1
