-- results.lua: how tasks ended, and what they returned, of many at once.
--
-- Uses     states.lua
-- KEYS[1]  prefix
-- ARGV[1]  most bytes of results in one answer; one more result may go beyond it
-- then     ids of tasks, 1 to 200
--
-- Returns  for each, or for the first of them if their results are large: {} no such task
--          | {state} of one that has not ended
--          | {state, exit code, reason, result_dropped, result_until_ms, result or nil}; '' for none
-- Writes   nothing: EVALSHA_RO may run it.
-- Cost     O(tasks + bytes)

local most, bytes, answers = tonumber(ARGV[1]), 0, {}

local function ended(id, task)
  local extra = try("HMGET", extra_key(id), "reason", "result_dropped", "result_until_ms")
  if extra.err then
    extra = {}
  end
  local result = try("GET", result_key(id))
  if type(result) ~= "string" then
    result = false
  end
  bytes = bytes + (result and #result or 0)
  return { task[1], task[2], extra[1] or "", extra[2] or "", extra[3] or "", result }
end

for n = 2, #ARGV do
  local task = read_task(ARGV[n], "state", "exit_code")
  if not task then
    answers[#answers + 1] = {}
  elseif FINAL[task[1]] then
    answers[#answers + 1] = ended(ARGV[n], task)
  else
    answers[#answers + 1] = { task[1] }
  end
  if bytes >= most then
    break
  end
end
return answers
