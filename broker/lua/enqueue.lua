-- enqueue.lua: add tasks, in order, each with its definition where that is new.
--
-- Uses     ready.lua
-- KEYS[1]  prefix
-- ARGV[1]  number of definitions
-- ARGV[2]  number of tasks, at most 200
-- then, for each definition
--   digest, encoded, number of blobs, blob digests..
-- then, for each task
--   id, queue, shape, need (JSON), priority (-128 to 127), name (at most 64 bytes), user,
--   definition (digest), envelope, delay (ms), lease (ms), max_lost, queue_timeout (ms, 0: none),
--   timeout (ms, 0: none), whole name, labels (JSON or ''), params (JSON or ''),
--   number of labels, "name=value" labels..
--
-- Returns  for each task: queued | delayed | duplicate (the id exists: nothing is written)
--          | missing-definition | missing-blob (nothing is written either)
-- Writes   t: x: a: and the indices of a task; d: and refs, and ends the TTL of its blobs, with
--          the first task of a new definition; wakes one parked worker for each queued task.
-- Cost     O(tasks log N)

local next_argument = 3

local function take()
  next_argument = next_argument + 1
  return ARGV[next_argument - 1]
end

local definitions = {}
for _ = 1, tonumber(ARGV[1]) do
  local digest = take()
  local definition = { encoded = take(), blobs = {} }
  for n = 1, tonumber(take()) do
    definition.blobs[n] = take()
  end
  definitions[digest] = definition
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

-- What is missing of a definition, or nil when it is stored (now).
local function define(digest)
  if call("EXISTS", definition_key(digest)) == 1 then
    return nil
  end
  local new = definitions[digest]
  if not new then
    return "missing-definition"
  end
  for _, blob in ipairs(new.blobs) do
    if call("EXISTS", blob_key(blob)) == 0 then
      return "missing-blob"
    end
  end
  call("SET", definition_key(digest), new.encoded)
  for _, blob in ipairs(new.blobs) do
    call("PERSIST", blob_key(blob))
    call("HINCRBY", references_key(), "blob:" .. blob, 1)
  end
end

local checked, users = {}, {} -- by definition: what is missing or false; new tasks

-- Count one more user of a definition; or say what is missing.
local function refer(digest)
  if checked[digest] == nil then
    checked[digest] = define(digest) or false
  end
  if checked[digest] then
    return checked[digest]
  end
  users[digest] = (users[digest] or 0) + 1
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

local function read()
  local task = {
    id = take(), queue = take(), shape = take(), need = take(), priority = tonumber(take()),
    name = take(), user = take(), definition = take(), envelope = take(),
    delay = tonumber(take()), lease = take(), max_lost = take(),
    queue_timeout = tonumber(take()), timeout = take(),
    whole_name = take(), labels = take(), params = take(), tags = {},
  }
  for n = 1, tonumber(take()) do
    task.tags[n] = take()
  end
  return task
end

local function index(task)
  add_later(ids_key(), 0, task.id)
  add_later(index_key("queue", task.queue), 0, task.id)
  if task.user ~= "" then
    add_later(index_key("user", task.user), 0, task.id)
  end
  if task.whole_name ~= "" then
    add_later(index_key("name", task.whole_name), 0, task.id)
  end
  for _, tag in ipairs(task.tags) do
    add_later(index_key("label", tag), 0, task.id)
  end
end

local function write(task, state, score)
  local now = I(NOW)
  call("HSET", task_key(task.id), "state", state, "queue", task.queue, "shape", task.shape,
    "priority", I(task.priority), "order", I(score), "name", task.name, "user", task.user,
    "definition", task.definition, "created_ms", now, "queued_ms", now, "fence", "0",
    "attempt", "1", "lost", "0", "lease_ms", task.lease, "max_lost", task.max_lost,
    "timeout_ms", task.timeout)
  call("SET", arguments_key(task.id), task.envelope)
  if task.labels ~= "" then
    call("HSET", extra_key(task.id), "labels", task.labels)
  end
  if task.params ~= "" then
    call("HSET", extra_key(task.id), "params", task.params)
  end
  if task.whole_name ~= task.name then
    call("HSET", extra_key(task.id), "name", task.whole_name)
  end
  index(task)
end

local lines = {} -- by queue and shape: {queue, shape, tasks made ready in this call}

local function line_of(task)
  local key = ready_key(task.queue, task.shape)
  if not lines[key] then
    lines[key] = { queue = task.queue, shape = task.shape, ready = 0 }
    call("SADD", queues_key(), task.queue)
    announce(task.queue, task.shape, task.need)
  end
  return lines[key]
end

local function enqueue(task)
  if call("EXISTS", task_key(task.id)) == 1 then
    return "duplicate"
  end
  local missing = refer(task.definition)
  if missing then
    return missing
  end
  local line = line_of(task)
  local sequence = call("HINCRBY", queue_key(task.queue), "sequence", 1)
  local score = (127 - task.priority) * BAND + MIDDLE + sequence * STEP
  local state = task.delay > 0 and "delayed" or "queued"
  write(task, state, score)
  if task.queue_timeout > 0 then
    add_later(deadlines_key(), I(NOW + task.delay + task.queue_timeout), task.id)
  end
  publish(task.id, "enqueued", "state", state, "queue", task.queue)
  if state == "delayed" then
    add_later(delayed_key(), I(NOW + task.delay), task.id)
  else
    add_later(ready_key(task.queue, task.shape), I(score), task.id)
    line.ready = line.ready + 1
  end
  return state
end

local outcomes = {}
for n = 1, tonumber(ARGV[2]) do
  outcomes[n] = enqueue(read())
end
for digest, count in pairs(users) do
  call("HINCRBY", references_key(), "d:" .. digest, count)
end
for key, addition in pairs(additions) do
  call("ZADD", key, unpack(addition))
end
for _, line in pairs(lines) do
  if line.ready > 0 then
    call("SADD", ready_queues_key(line.shape), line.queue)
    local left = math.min(line.ready, limits_of(line.queue).room)
    while left > 0 and wake(line.queue, line.shape) do
      left = left - 1
    end
  end
end
return outcomes
