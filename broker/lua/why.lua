-- why.lua: what keeps a task from running, at one moment, by the rules of claim.lua.
--
-- Uses     ready.lua, states.lua, holds.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
--
-- Returns  an empty list when there is no such record, else {name, value, name, value ..}:
--          now, task (field, value ..), reason, due, expires, lease (ms; '': none)
--          hang        as hang.lua wrote it, '': no worker told that it hangs
--          losses      of one that is dead: the lines of its history that tell of each
--          unmet       number of parents that it waits for
--          parents     "<condition>:<id>", state ('': gone) .. of some of them
--          key_room    1: its concurrency key lets it run
--          key_holders number of tasks that hold it
--          holders     ids of some of them, the longest running first
--          parked      number of tasks parked before it under its key, -1: it is not parked
--          room        1: its queue may run one more now
--          running     of its queue
--          paused, max_running  as stored
--          held_until  ms; no claims until then after a restart of Redis. 0: none
--          need        JSON of what it needs, '': its shape is not known
--          placed      1: it stands in its line
--          ahead       number of tasks before it in line; of those,
--          next        id, score .. the first three of each shape
--          workers     number of live ones
--          listeners   of those that take from its queue: {running, waits, field, value ..};
--                      waits: 1: idle, and would be woken for a task like this one
--          others      of those that don't: {field, value ..}
-- Writes   nothing: EVALSHA_RO may run it.
-- Cost     O(shapes of the queue x log N + live workers, at most 1 000)

local id = ARGV[1]
local MOST_PARENTS_TOLD, MOST_HOLDERS, MOST_NEXT, MOST_SHAPES = 20, 5, 3, 1024
local MOST_LIVE, MOST_LISTENERS, MOST_OTHERS = 1000, 200, 10
local FIELDS = {
  "state", "queue", "shape", "key", "key_limit", "phase", "worker", "started_ms", "finished_ms",
  "attempt", "lost", "due_ms", "cancel", "fence",
}
local FACTS = { "state", "until_ms", "queues", "slots", "services", "gpus", "cpus", "mem_mib" }

-- What a command answers; `otherwise` when it is nothing, or the key holds something else.
local function read(otherwise, ...)
  local found = try(...)
  if not found or type(found) == "table" and found.err then
    return otherwise
  end
  return found
end

local function with_names(names, values)
  local pairs_of = {}
  for n, name in ipairs(names) do
    pairs_of[2 * n - 1], pairs_of[2 * n] = name, values[n] or ""
  end
  return pairs_of
end

local values = read_task(id, unpack(FIELDS))
if not values then
  return {}
end
local answer, task = {}, {}
for n, name in ipairs(FIELDS) do
  task[name] = values[n]
end

local function tell(name, value)
  answer[#answer + 1] = name
  answer[#answer + 1] = value
end

local function losses()
  local lines = {}
  for _, line in ipairs(task.state == "dead" and read({}, "LRANGE", history_key(id), -64, -1) or {}) do
    if string.find(line, "^%d+ lost") then
      lines[#lines + 1] = line
    end
  end
  return lines
end

local function tell_parents()
  local told = {}
  for _, edge in ipairs(read({}, "SRANDMEMBER", dependencies_key(id), MOST_PARENTS_TOLD)) do
    local parent = read_task(string.match(edge, "^%a+:(.+)$") or "", "state")
    told[#told + 1] = edge
    told[#told + 1] = parent and parent[1] or ""
  end
  tell("unmet", read(0, "SCARD", dependencies_key(id)))
  tell("parents", told)
end

local function tell_key()
  local key = task.key
  local sound = key ~= "" and read(nil, "ZCARD", holders_key(key))
  tell("key_room", (not sound or has_room(key, task.key_limit, id)) and 1 or 0)
  tell("key_holders", sound or 0)
  tell("holders", sound and call("ZRANGE", holders_key(key), 0, MOST_HOLDERS - 1) or {})
  tell("parked", key ~= "" and read(-1, "ZRANK", parked_tasks_key(key), id) or -1)
end

local function tell_queue()
  local held_until = whole(call("HGET", globals__key(), "hold_claims_until"), 0)
  local sound = type(read(0, "ZCARD", running_key(task.queue))) == "number"
  local settings = read({}, "HMGET", queue_key(task.queue), "paused", "max_running")
  tell("room", (not sound or limits_of(task.queue).room > 0) and 1 or 0)
  tell("running", read(0, "ZCARD", running_key(task.queue)))
  tell("paused", settings[1] or "")
  tell("max_running", settings[2] or "")
  tell("held_until", is_ahead(held_until) and held_until or 0)
  tell("need", read("", "HGET", shapes_key(), task.shape))
end

local function tell_place()
  local score = read(nil, "ZSCORE", ready_key(task.queue, task.shape), id)
  local ahead, first = 0, {}
  local shapes = score and read({}, "SRANDMEMBER", queue_shapes_key(task.queue), MOST_SHAPES) or {}
  for _, shape in ipairs(shapes) do
    local key = ready_key(task.queue, shape)
    local count = read(0, "ZCOUNT", key, "-inf", "(" .. score)
    ahead = ahead + count
    if count > 0 then
      local sooner = { key, "-inf", "(" .. score, "WITHSCORES", "LIMIT", 0, MOST_NEXT }
      for _, part in ipairs(call("ZRANGEBYSCORE", unpack(sooner))) do
        first[#first + 1] = part
      end
    end
  end
  tell("placed", score and 1 or 0)
  tell("ahead", ahead)
  tell("next", first)
end

-- Whether a worker is parked and a task of this queue and shape would wake it.
local function waits_for_it(parked)
  return parked and read(0, "SISMEMBER", interested_key(task.queue, task.shape), parked) == 1
end

local function listener(worker)
  local told = read({}, "HMGET", worker_key(worker), "parked", unpack(FACTS))
  local parked = table.remove(told, 1)
  local facts = with_names(FACTS, told)
  table.insert(facts, 1, worker)
  table.insert(facts, 1, waits_for_it(parked) and 1 or 0)
  table.insert(facts, 1, read(0, "SCARD", held_key(worker)))
  return facts
end

local function tell_workers()
  local listeners, others, word = {}, {}, '"' .. task.queue .. '"'
  local live = call("ZRANGEBYSCORE", workers_key(), "(" .. I(NOW), "+inf", "LIMIT", 0, MOST_LIVE)
  for _, worker in ipairs(live) do
    local queues = read("", "HGET", worker_key(worker), "queues")
    if string.find(queues, word, 1, true) then
      if #listeners < MOST_LISTENERS then
        listeners[#listeners + 1] = listener(worker)
      end
    elseif #others < MOST_OTHERS then
      others[#others + 1] = { worker, "queues", queues }
    end
  end
  tell("workers", call("ZCOUNT", workers_key(), "(" .. I(NOW), "+inf"))
  tell("listeners", listeners)
  tell("others", others)
end

tell("now", NOW)
tell("task", with_names(FIELDS, values))
tell("reason", read("", "HGET", extra_key(id), "reason"))
tell("hang", read("", "HGET", extra_key(id), "hang"))
tell("losses", losses())
tell("due", read("", "ZSCORE", delayed_key(), id))
tell("expires", read("", "ZSCORE", deadlines_key(), id))
tell("lease", read("", "ZSCORE", leases_key(), id))
tell_parents()
tell_key()
tell_queue()
tell_place()
tell_workers()
return answer
