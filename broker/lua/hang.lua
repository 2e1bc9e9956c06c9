-- hang.lua: tell how long a running task has shown no sign of life; 0: it moves again.
--
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  fence    as claim.lua gave it
-- ARGV[3]  nonce
-- ARGV[4]  still    integer, ms; 0: it moves
--
-- Returns  1 told | -1 no such task | -2 fenced
-- Writes   x:<id> hang (fence:since, of this claim only, so that nothing need clear it at the
--          end), an event `hanging` or `moving`; nothing unless it returns 1, and nothing that
--          was told before: the first time counts, whichever session of the worker saw it.
-- Cost     O(1)

local id, fence, nonce, still = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local task = read_task(id, "state", "fence", "nonce", "queue")
if not task then
  return -1
end
if task[1] ~= "running" or task[2] ~= fence or task[3] ~= nonce then
  return -2
end
local told = try("HGET", extra_key(id), "hang")
local is_known = type(told) == "string" and string.sub(told, 1, #fence + 1) == fence .. ":"
if still > 0 and not is_known then
  local since = I(NOW - still)
  try("HSET", extra_key(id), "hang", fence .. ":" .. since)
  event(id, "hanging", "", "queue", task[4], "fence", fence, "since_ms", since)
elseif still == 0 and is_known then
  try("HDEL", extra_key(id), "hang")
  event(id, "moving", "", "queue", task[4], "fence", fence)
end
return 1
