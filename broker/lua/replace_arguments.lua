-- replace_arguments.lua: change what was signed of a task that has not begun.
--
-- Uses     ready.lua, parking.lua, placing.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  envelope as it was read
-- ARGV[3]  envelope, the new one
-- ARGV[4]  shape       id
-- ARGV[5]  need        JSON
-- ARGV[6]  timeout     integer, ms; 0: none
-- ARGV[7]  params      JSON or ''
--
-- Returns  {replaced} | {missing} no such task | {state, its state} it runs or is final
--          | {changed} its envelope is another one by now; nothing is written unless replaced
-- Writes   a:, shape and timeout_ms of t:, params of x:, the need of a shape that is new; an event.
--          A queued task keeps its place, also where it goes to the ready set of another shape; it
--          loses its nonce: whoever lost a claim of it runs what was signed before, so they can't
--          adopt or finish it later. Wakes one parked worker where its shape is another.
-- Cost     O(log N + bytes of the envelopes)

local id, shape, timeout, params = ARGV[1], ARGV[4], ARGV[6], ARGV[7]
local WAITS = { queued = true, blocked = true, delayed = true, waiting = true, draft = true }

local task = read_task(id, "state", "queue", "shape", "order")
if not task then
  return { "missing" }
end
local state, queue, old_shape = task[1], task[2], task[3]
if not WAITS[state] then
  return { "state", state }
end
local envelope = try("GET", arguments_key(id))
if envelope ~= ARGV[2] then
  return { "changed" }
end

call("SET", arguments_key(id), ARGV[3])
call("HSETNX", shapes_key(), shape, ARGV[5])
call("HSET", task_key(id), "shape", shape)
call("HDEL", task_key(id), "nonce")
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
event(id, "edited", "", "state", state, "queue", queue)
if state ~= "draft" and shape ~= old_shape then
  announce(queue, shape, ARGV[5])
  if state == "queued" then
    local score = sound_order(call("ZSCORE", ready_key(queue, old_shape), id) or task[4])
    drop_ready(id, queue, old_shape)
    add_ready(id, queue, shape, I(score))
  end
end
return { "replaced" }
