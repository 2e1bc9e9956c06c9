-- enqueue.lua: add tasks, in order, each with its definition where that is new.
--
-- Uses     ready.lua, definitions.lua
-- KEYS[1]  prefix
-- ARGV[1]  number of definitions
-- ARGV[2]  number of kinds: what tasks of one call mostly have in common is sent once
-- ARGV[3]  number of tasks, at most 200
-- then, for each definition
--   digest, encoded, number of blobs, blob digests..
-- then, for each kind
--   queue, shape, need (JSON), priority (-128 to 127), name (at most 64 bytes), user,
--   definition (digest), delay (ms), lease (ms), max_lost, queue_timeout (ms, 0: none),
--   timeout (ms, 0: none), whole name, labels (JSON or ''),
--   number of labels, "name=value" labels..
-- then, for each task
--   number of its kind, id, envelope, params (JSON or '')
--
-- Returns  for each task: queued | delayed | duplicate (the id exists: nothing is written)
--          | missing-definition | missing-blob (nothing is written either)
-- Writes   t: x: a: and the indices of a task; d: and refs, and ends the TTL of its blobs, with
--          the first task of a new definition; wakes one parked worker for each queued task.
-- Cost     O(tasks log N)

local next_argument = 4

local function take()
  next_argument = next_argument + 1
  return ARGV[next_argument - 1]
end

for _ = 1, tonumber(ARGV[1]) do
  local digest = take()
  local definition = { encoded = take(), blobs = {} }
  for n = 1, tonumber(take()) do
    definition.blobs[n] = take()
  end
  sent_definitions[digest] = definition
end

-- What many tasks add to one key is added at the end, in one command.
local additions = {}

local function add_later(key, score, member)
  local addition = additions[key]
  if not addition then
    addition = {}
    additions[key] = addition
  end
  addition[#addition + 1] = score
  addition[#addition + 1] = member
end

-- A shape that a queue never had: no profile names it, so whoever listens reads the shapes again.
local function announce(queue, shape, need)
  call("HSETNX", shapes_key(), shape, need)
  if call("SADD", queue_shapes_key(queue), shape) == 0 then
    return
  end
  local left = 1000
  for _, profile in ipairs(call("SRANDMEMBER", listeners_key(queue), MOST_PROFILES)) do
    while left > 0 and wake_one(profile, "c", "shapes") do
      left = left - 1
    end
  end
end

local function read_kind()
  local kind = {
    queue = take(), shape = take(), need = take(), priority = take(), name = take(),
    user = take(), definition = take(), delay = tonumber(take()), lease = take(),
    max_lost = take(), queue_timeout = tonumber(take()), timeout = take(),
    whole_name = take(), labels = take(), indices = {}, ready = 0,
  }
  kind.state = kind.delay > 0 and "delayed" or "queued"
  kind.score = (127 - tonumber(kind.priority)) * BAND + MIDDLE
  kind.fields = {
    "queue", kind.queue, "shape", kind.shape, "priority", kind.priority, "name", kind.name,
    "user", kind.user, "definition", kind.definition, "created_ms", I(NOW), "queued_ms", I(NOW),
    "fence", "0", "attempt", "1", "lost", "0", "lease_ms", kind.lease,
    "max_lost", kind.max_lost, "timeout_ms", kind.timeout,
  }
  local indices = kind.indices
  indices[1], indices[2] = ids_key(), index_key("queue", kind.queue)
  if kind.user ~= "" then
    indices[#indices + 1] = index_key("user", kind.user)
  end
  if kind.whole_name ~= "" then
    indices[#indices + 1] = index_key("name", kind.whole_name)
  end
  for _ = 1, tonumber(take()) do
    indices[#indices + 1] = index_key("label", take())
  end
  return kind
end

local function write(id, kind, envelope, params, score)
  call("HSET", task_key(id), "state", kind.state, "order", I(score), unpack(kind.fields))
  call("SET", arguments_key(id), envelope)
  if kind.labels ~= "" then
    call("HSET", extra_key(id), "labels", kind.labels)
  end
  if params ~= "" then
    call("HSET", extra_key(id), "params", params)
  end
  if kind.whole_name ~= kind.name then
    call("HSET", extra_key(id), "name", kind.whole_name)
  end
  for _, key in ipairs(kind.indices) do
    add_later(key, 0, id)
  end
end

-- Put a task where it waits.
local function place(id, kind, score)
  if kind.queue_timeout > 0 then
    add_later(deadlines_key(), I(NOW + kind.delay + kind.queue_timeout), id)
  end
  if kind.delay > 0 then
    add_later(delayed_key(), I(NOW + kind.delay), id)
  else
    add_later(ready_key(kind.queue, kind.shape), I(score), id)
    kind.ready = kind.ready + 1
  end
end

local function enqueue(kind, id, envelope, params)
  if call("EXISTS", task_key(id)) == 1 then
    return "duplicate"
  end
  local missing = refer(kind.definition)
  if missing then
    return missing
  end
  if not kind.is_announced then
    kind.is_announced = true
    call("SADD", queues_key(), kind.queue)
    announce(kind.queue, kind.shape, kind.need)
  end
  local score = kind.score + call("HINCRBY", queue_key(kind.queue), "sequence", 1) * STEP
  write(id, kind, envelope, params, score)
  place(id, kind, score)
  publish(id, "enqueued", "state", kind.state, "queue", kind.queue)
  return kind.state
end

local kinds = {}
for n = 1, tonumber(ARGV[2]) do
  kinds[n] = read_kind()
end
local outcomes = {}
for n = 1, tonumber(ARGV[3]) do
  outcomes[n] = enqueue(kinds[tonumber(take())], take(), take(), take())
end
count_users()
for key, addition in pairs(additions) do
  call("ZADD", key, unpack(addition))
end
for _, kind in ipairs(kinds) do
  if kind.ready > 0 then
    call("SADD", ready_queues_key(kind.shape), kind.queue)
    local left = math.min(kind.ready, limits_of(kind.queue).room)
    while left > 0 and wake(kind.queue, kind.shape) do
      left = left - 1
    end
  end
end
return outcomes
