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

-- Count one more user of a definition, writing it first if it is new; else say what is missing.
local function refer(digest)
  if call("EXISTS", definition_key(digest)) == 0 then
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
  call("HINCRBY", references_key(), "d:" .. digest, 1)
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

local function index(id, field, value)
  call("ZADD", index_key(field, value), 0, id)
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

local known = {} -- queues and shapes announced in this call

local function write(task, state, score)
  local id, queue = task.id, task.queue
  local name = task.queue .. ":" .. task.shape
  if not known[name] then
    known[name] = true
    call("SADD", queues_key(), queue)
    announce(queue, task.shape, task.need)
  end
  call("HSET", task_key(id), "state", state, "queue", queue, "shape", task.shape,
    "priority", I(task.priority), "order", I(score), "name", task.name, "user", task.user,
    "definition", task.definition, "created_ms", I(NOW), "queued_ms", I(NOW),
    "fence", "0", "attempt", "1", "lost", "0", "lease_ms", task.lease,
    "max_lost", task.max_lost, "timeout_ms", task.timeout)
  call("SET", arguments_key(id), task.envelope)
  if task.whole_name ~= task.name then
    call("HSET", extra_key(id), "name", task.whole_name)
  end
  if task.labels ~= "" then
    call("HSET", extra_key(id), "labels", task.labels)
  end
  if task.params ~= "" then
    call("HSET", extra_key(id), "params", task.params)
  end
  call("ZADD", ids_key(), 0, id)
  index(id, "user", task.user)
  index(id, "name", task.whole_name)
  index(id, "queue", queue)
  for _, tag in ipairs(task.tags) do
    index(id, "label", tag)
  end
end

local function enqueue(task)
  if call("EXISTS", task_key(task.id)) == 1 then
    return "duplicate"
  end
  local missing = refer(task.definition)
  if missing then
    return missing
  end
  local sequence = call("HINCRBY", queue_key(task.queue), "sequence", 1)
  local score = (127 - task.priority) * BAND + MIDDLE + sequence * STEP
  local state = task.delay > 0 and "delayed" or "queued"
  write(task, state, score)
  if task.queue_timeout > 0 then
    call("ZADD", deadlines_key(), I(NOW + task.delay + task.queue_timeout), task.id)
  end
  event(task.id, "enqueued", task.queue, "state", state, "queue", task.queue)
  if state == "delayed" then
    call("ZADD", delayed_key(), I(NOW + task.delay), task.id)
  else
    add_ready(task.id, task.queue, task.shape, I(score))
  end
  return state
end

local outcomes = {}
for n = 1, tonumber(ARGV[2]) do
  outcomes[n] = enqueue(read())
end
return outcomes
