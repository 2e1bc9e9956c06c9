-- adding.lua: add tasks, in order, each with its definition where that is new.
--
-- A part of other scripts (`Uses`); needs definitions.lua, kinds.lua, placing.lua,
-- uniqueness.lua and the parts that they need. The arguments are described in enqueue.lua.

local retention

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

-- The same members with another score.
local function scored(members, score)
  local same = {}
  for n = 1, #members, 2 do
    same[n], same[n + 1] = score, members[n + 1]
  end
  return same
end

-- Why a task can't be added, which writes nothing; nil when it can.
local function refusal_of(kind, id)
  if kind.is_past then
    return "past"
  end
  local unknown = #kind.parents > 0 and unknown_parent(kind.parents)
  if unknown then
    return "unknown-parent:" .. unknown
  end
  local is_unique = kind.unique ~= "" and kind.state ~= "draft"
  local keeper = is_unique and unique_keeper(kind.unique, kind.unique_mode)
  if keeper then
    return "unique:" .. keeper
  end
  local absent = missing_of(kind.definition)
  if not absent and is_unique then
    take_unique(kind.unique, id, retention)
  end
  return absent
end

local function write_record(id, kind, order, envelope, params)
  if order then
    call("HSET", task_key(id), "state", kind.state, "order", order, unpack(kind.fields))
  else
    call("HSET", task_key(id), "state", kind.state, unpack(kind.fields))
  end
  if params ~= "" then
    call("HSET", extra_key(id), "params", params)
  end
  if #kind.extra > 0 then
    call("HSET", extra_key(id), unpack(kind.extra))
  end
  envelopes[#envelopes + 1] = arguments_key(id)
  envelopes[#envelopes + 1] = envelope
end

-- Write one task and return its state.
local function add(id, kind, envelope, params)
  local order = kind.state ~= "draft" and next_order(kind.queue, kind.priority) or nil
  local at = 2 * kind.new
  write_record(id, kind, order, envelope, params)
  kind.ids[at + 1], kind.ids[at + 2] = "0", id
  kind.places[at + 1], kind.places[at + 2] = order, id
  kind.new = kind.new + 1
  publish(id, order and "enqueued" or "drafted", "state", kind.state, "queue", kind.queue)
  if kind.state == "draft" then
    call("RPUSH", history_key(id), I(NOW) .. " drafted")
  end
  if #kind.parents == 0 then
    return kind.state
  end
  count_child(kind.parents, 1)
  if kind.state == "waiting" then
    enter_state(id, "", "waiting") -- at once: link() may move it on
    link(id, kind.parents, retention)
  end
  return call("HGET", task_key(id), "state")
end

-- Put the new tasks of a kind where they are found and where they wait.
local function place(kind)
  count_users(kind.definition, kind.new)
  add_all(ids_key(), kind.ids)
  for _, key in ipairs(kind.indices) do
    if key ~= index_key("state", "waiting") then -- add() did
      add_all(key, kind.ids)
    end
  end
  if kind.state == "draft" then
    call("HSETNX", shapes_key(), kind.shape, kind.need)
    return
  end
  announce(kind.queue, kind.shape, kind.need)
  count(kind.queue, "enqueued", kind.new)
  if kind.state == "delayed" then
    add_all(delayed_key(), scored(kind.ids, I(kind.due)))
  elseif kind.state == "queued" then
    if kind.queue_timeout > 0 then
      add_all(deadlines_key(), scored(kind.ids, I(NOW + kind.queue_timeout)))
    end
    add_all(ready_key(kind.queue, kind.shape), kind.places)
    call("SADD", ready_queues_key(kind.shape), kind.queue)
  end
end

local function wake_for(kind)
  local left = kind.state == "queued" and math.min(kind.new, limits_of(kind.queue).room) or 0
  while left > 0 and wake(kind.queue, kind.shape) do
    left = left - 1
  end
end

-- Those of `count` ids from an argument on that exist: one command where none does, as is usual.
local function read_known(first_id, count)
  local names, known = {}, {}
  for n = 1, count do
    names[n] = task_key(ARGV[first_id + 4 * (n - 1)])
  end
  if call("EXISTS", unpack(names)) > 0 then
    for n = 1, count do
      known[ARGV[first_id + 4 * (n - 1)]] = call("EXISTS", names[n]) == 1
    end
  end
  return known
end

local function add_each(kinds, first_task, count)
  local known, outcomes = read_known(first_task + 1, count), {}
  for n = 1, count do
    local at = first_task + 4 * (n - 1)
    local kind, id = kinds[tonumber(ARGV[at])], ARGV[at + 1]
    local refusal = known[id] and "duplicate" or refusal_of(kind, id)
    if refusal then
      outcomes[n] = refusal
    else
      known[id] = true
      outcomes[n] = add(id, kind, ARGV[at + 2], ARGV[at + 3])
    end
  end
  return outcomes
end

local function write_rest(kinds)
  for _, kind in ipairs(kinds) do
    if kind.new > 0 then
      place(kind)
    end
  end
  if #envelopes > 0 then
    call("MSET", unpack(envelopes))
  end
  for key, addition in pairs(additions) do
    call("ZADD", key, unpack(addition))
  end
end

-- Add the tasks that the arguments from `first` on describe. Return what became of each, or an
-- error reply, after which nothing was written.
local function add_tasks(first)
  local next_argument = first + 4
  local function take()
    next_argument = next_argument + 1
    return ARGV[next_argument - 1]
  end
  retention = tonumber(ARGV[first + 3])
  for _ = 1, tonumber(ARGV[first]) do
    local digest = take()
    local definition = { encoded = take(), blobs = {} }
    for n = 1, tonumber(take()) do
      definition.blobs[n] = take()
    end
    sent_definitions[digest] = definition
  end
  local kinds = {}
  for n = 1, tonumber(ARGV[first + 1]) do
    kinds[n] = read_kind(take)
    local problem = read_sequence(kinds[n].queue)
    if problem then
      return problem
    end
  end
  local outcomes = add_each(kinds, next_argument, tonumber(ARGV[first + 2]))
  write_rest(kinds)
  write_sequences()
  for _, kind in ipairs(kinds) do
    wake_for(kind)
  end
  fan_out(200, retention)
  return outcomes
end
