-- enqueue.lua: add tasks, in order, each with its definition where that is new.
--
-- Uses     ready.lua, definitions.lua, kinds.lua
-- KEYS[1]  prefix
-- ARGV[1]  number of definitions
-- ARGV[2]  number of kinds: what tasks of one call mostly have in common is sent once
-- ARGV[3]  number of tasks, 1 to 200
-- then, for each definition
--   digest, encoded, number of blobs, blob digests..
-- then, for each kind
--   queue, shape, need (JSON), priority (-128 to 127), name (at most 64 bytes), user,
--   definition (digest), delay (ms), lease (ms, 0: that of whoever claims it), max_lost,
--   queue_timeout (ms, 0: none), timeout (ms, 0: none), whole name, labels (JSON or ''),
--   number of labels, "name=value" labels..
-- then, for each task
--   number of its kind, id, envelope, params (JSON or '')
--
-- Returns  for each task: queued | delayed | duplicate (the id exists: nothing is written)
--          | missing-definition | missing-blob (nothing is written either)
-- Writes   t: x: a: and the indices of a task; d: and refs, and ends the TTL of its blobs, with
--          the first task of a new definition; wakes one parked worker for each queued task.
-- Cost     O(tasks log N)

local kind_count, task_count, next_argument = tonumber(ARGV[2]), tonumber(ARGV[3]), 4

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
local kinds = {}
for n = 1, kind_count do
  kinds[n] = read_kind(take)
end
local first_task = next_argument -- four arguments for each

-- Those of the ids that exist: one command where there is none, as there mostly is.
local function read_known()
  local names, known = {}, {}
  for n = 1, task_count do
    names[n] = task_key(ARGV[first_task + 4 * n - 3])
  end
  if call("EXISTS", unpack(names)) > 0 then
    for n = 1, task_count do
      known[ARGV[first_task + 4 * n - 3]] = call("EXISTS", names[n]) == 1
    end
  end
  return known
end

-- A shape that a queue never had: no profile names it, so whoever listens reads the shapes again.
local function announce(queue, shape, need)
  call("SADD", queues_key(), queue)
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

local sequences = {} -- queue -> the number of its last task

local function next_score(kind)
  local queue = kind.queue
  local last = sequences[queue] or call("HINCRBY", queue_key(queue), "sequence", 0)
  sequences[queue] = last + 1
  return I(kind.band + (last + 1) * STEP)
end

-- What many tasks add to one key is added at the end, in one command.
local additions, envelopes = {}, {}

local function add_all(key, scores_and_members)
  local addition = additions[key] or {}
  additions[key] = addition
  local length = #addition
  for n = 1, #scores_and_members do
    addition[length + n] = scores_and_members[n]
  end
end

local function add(id, kind, envelope, params)
  local score, at = next_score(kind), 2 * kind.new
  call("HSET", task_key(id), "order", score, unpack(kind.fields))
  if params ~= "" then
    call("HSET", extra_key(id), "params", params)
  end
  if #kind.extra > 0 then
    call("HSET", extra_key(id), unpack(kind.extra))
  end
  envelopes[#envelopes + 1] = arguments_key(id)
  envelopes[#envelopes + 1] = envelope
  kind.ids[at + 1], kind.ids[at + 2] = "0", id
  kind.places[at + 1], kind.places[at + 2] = score, id
  kind.new = kind.new + 1
  call("XADD", events_key(), "*", "id", id, "event", "enqueued", "state", kind.state,
    "queue", kind.queue)
  return kind.state
end

-- The same members with another score.
local function scored(members, score)
  local same = {}
  for n = 1, #members, 2 do
    same[n], same[n + 1] = score, members[n + 1]
  end
  return same
end

-- Put the new tasks of a kind where they are found and where they wait.
local function place(kind)
  announce(kind.queue, kind.shape, kind.need)
  count_users(kind.definition, kind.new)
  add_all(ids_key(), kind.ids)
  for _, key in ipairs(kind.indices) do
    add_all(key, kind.ids)
  end
  if kind.queue_timeout > 0 then
    add_all(deadlines_key(), scored(kind.ids, I(NOW + kind.delay + kind.queue_timeout)))
  end
  if kind.delay > 0 then
    add_all(delayed_key(), scored(kind.ids, I(NOW + kind.delay)))
  else
    add_all(ready_key(kind.queue, kind.shape), kind.places)
    call("SADD", ready_queues_key(kind.shape), kind.queue)
  end
end

local known, outcomes = read_known(), {}
for n = 1, task_count do
  local at = first_task + 4 * (n - 1)
  local kind, id = kinds[tonumber(ARGV[at])], ARGV[at + 1]
  local refusal = known[id] and "duplicate" or missing_of(kind.definition)
  if refusal then
    outcomes[n] = refusal
  else
    known[id] = true
    outcomes[n] = add(id, kind, ARGV[at + 2], ARGV[at + 3])
  end
end
for _, kind in ipairs(kinds) do
  if kind.new > 0 then
    place(kind)
  end
end
if #envelopes > 0 then
  call("MSET", unpack(envelopes))
  call("XTRIM", events_key(), "MAXLEN", "~", "100000")
end
for queue, last in pairs(sequences) do
  call("HSET", queue_key(queue), "sequence", I(last))
end
for key, addition in pairs(additions) do
  call("ZADD", key, unpack(addition))
end
for _, kind in ipairs(kinds) do
  local left = kind.state == "queued" and math.min(kind.new, limits_of(kind.queue).room) or 0
  while left > 0 and wake(kind.queue, kind.shape) do
    left = left - 1
  end
end
return outcomes
