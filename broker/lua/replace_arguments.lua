-- replace_arguments.lua: change what was signed of a draft.
--
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  envelope as it was read
-- ARGV[3]  envelope, the new one
-- ARGV[4]  shape       id
-- ARGV[5]  need        JSON
-- ARGV[6]  timeout     integer, ms; 0: none
-- ARGV[7]  params      JSON or ''
--
-- Returns  {replaced} | {missing} no such task | {state, its state} no draft
--          | {changed} its envelope is another one by now; nothing is written unless replaced
-- Writes   a:, shape and timeout_ms of t:, params of x:, the need of a shape that is new; an event.
-- Cost     O(bytes of the envelopes)

local id, shape, timeout, params = ARGV[1], ARGV[4], ARGV[6], ARGV[7]

local task = read_task(id, "state", "queue")
if not task then
  return { "missing" }
end
if task[1] ~= "draft" then
  return { "state", task[1] }
end
local envelope = try("GET", arguments_key(id))
if envelope ~= ARGV[2] then
  return { "changed" }
end

call("SET", arguments_key(id), ARGV[3])
call("HSETNX", shapes_key(), shape, ARGV[5])
call("HSET", task_key(id), "shape", shape)
if timeout == "0" then
  call("HDEL", task_key(id), "timeout_ms")
else
  call("HSET", task_key(id), "timeout_ms", timeout)
end
if params == "" then
  try("HDEL", extra_key(id), "params")
else
  try("HSET", extra_key(id), "params", params)
end
event(id, "edited", "", "state", "draft", "queue", task[2])
return { "replaced" }
