-- delete_queue.lua: forget a queue that has no tasks but final ones.
--
-- Uses     states.lua
-- KEYS[1]  prefix
-- ARGV[1]  queue
-- ARGV[2]  after      id up to which earlier calls looked; '': the first call
-- ARGV[3]  sequence   as the last call answered it; '': the first call
-- ARGV[4]  force      1: although live workers listen to it
--
-- Returns  {deleted} | {more, after, sequence} call again: a thousand tasks were looked at
--          | {missing} no such queue | {used, task id, its state} | {listened, worker..} at most 100
-- Writes   only when it returns `deleted`: q: qh: qm: of the queue, its name in qs, rdy: and aqs,
--          an event `queue_deleted`. Without force also ql: and qp:, and its profiles, so that a
--          worker that comes back registers anew; with force who listens stays known, and is woken
--          when the queue appears again. Final tasks keep the queue's name. Stride passes run
--          out: an old one is not worth more than one turn.
-- Cost     O(1000 + shapes of the queue + live workers)

local queue, after, sequence, is_forced = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == "1"
local MOST_LOOKED_AT, MOST_SHAPES, MOST_WORKERS, MOST_NAMED = 1000, 4096, 10000, 100

if call("SISMEMBER", queues_key(), queue) == 0 then
  return { "missing" }
end

-- Live workers whose list of queues names this one. A name needs no escapes in JSON.
local function read_listeners()
  local names = {}
  for _, worker in ipairs(
    call("ZRANGEBYSCORE", workers_key(), "(" .. I(NOW), "+inf", "LIMIT", 0, MOST_WORKERS)
  ) do
    local queues = try("HGET", worker_key(worker), "queues")
    local is_listed = type(queues) == "string" and string.find(queues, '"' .. queue .. '"', 1, true)
    if is_listed and #names < MOST_NAMED then
      names[#names + 1] = worker
    end
  end
  return names
end

local listeners = is_forced and {} or read_listeners()
if #listeners > 0 then
  return { "listened", unpack(listeners) }
end

-- The state of a task of this queue that is not final; nil when it is, or is none.
local function live_state(id)
  local task = read_task(id, "state", "queue")
  if task and task[2] == queue and not FINAL[task[1]] then
    return task[1]
  end
end

local function first_live(ids)
  for _, id in ipairs(ids) do
    local state = live_state(id)
    if state then
      return { "used", id, state }
    end
  end
end

-- A task that comes raises the sequence: then those before `after` are looked at once more.
local now = try("HGET", queue_key(queue), "sequence")
now = type(now) == "string" and now or ""
if after ~= "" and now ~= sequence then
  return { "more", "", now }
end
local from = after == "" and "-" or "(" .. after
local ids = call("ZRANGEBYLEX", index_key("queue", queue), from, "+", "LIMIT", 0, MOST_LOOKED_AT)
local shapes = call("SRANDMEMBER", queue_shapes_key(queue), MOST_SHAPES)
local used = first_live(call("ZRANGE", running_key(queue), 0, MOST_NAMED)) or first_live(ids)
for _, shape in ipairs(shapes) do
  used = used or first_live(call("ZRANGE", ready_key(queue, shape), 0, MOST_NAMED))
end
if used then
  return used
end
if #ids == MOST_LOOKED_AT then
  return { "more", ids[#ids], now }
end

for _, shape in ipairs(shapes) do
  call("UNLINK", ready_key(queue, shape))
  call("SREM", ready_queues_key(shape), queue)
  if not is_forced then
    call("UNLINK", interested_key(queue, shape))
  end
end
if not is_forced then
  for _, profile in ipairs(call("SRANDMEMBER", listeners_key(queue), MOST_WORKERS)) do
    call("UNLINK", profile_key(profile), idle_key(profile))
  end
  call("UNLINK", listeners_key(queue))
end
call("UNLINK", queue_key(queue), queue_shapes_key(queue))
call("SREM", queues_key(), queue)
call("SREM", ageing_queues_key(), queue)
publish("", "queue_deleted", "queue", queue)
return { "deleted" }
