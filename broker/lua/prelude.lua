-- prelude.lua: what every script begins with: names of keys, the clock, the event stream.
--
-- KEYS[1]  prefix of the namespace, e.g. rqa:{lab}:
--          Every other key begins with it, so all of them share a hash tag and a slot.
-- The functions *_key build the names of broker/keys.py, where the schema is; a test holds
-- the two together. A number of 1e14 or more becomes text only through I(): Lua's own
-- conversion rounds it.

local P, call, try = KEYS[1], redis.call, redis.pcall
local T = call("TIME")
local NOW = T[1] * 1000 + math.floor(T[2] / 1000) -- Unix ms, the only clock

local texts = {} -- number -> text: a call says the same times and fences many times

local function I(number)
  local text = texts[number]
  if not text then
    text = string.format("%.0f", number)
    texts[number] = text
  end
  return text
end

local function task_key(id) return P .. "t:" .. id end
local function extra_key(id) return P .. "x:" .. id end
local function definition_key(digest) return P .. "d:" .. digest end
local function arguments_key(id) return P .. "a:" .. id end
local function result_key(id) return P .. "r:" .. id end
local function history_key(id) return P .. "h:" .. id end
local function ids_key() return P .. "ids" end
local function index_key(field, value) return P .. "by:" .. field .. ":" .. value end
local function ready_key(queue, shape) return P .. "q:" .. queue .. ":" .. shape end
local function ready_queues_key(shape) return P .. "rdy:" .. shape end
local function shapes_key() return P .. "shapes" end
local function queue_key(queue) return P .. "qm:" .. queue end
local function queues_key() return P .. "qs" end
local function ageing_queues_key() return P .. "aqs" end
local function queue_shapes_key(queue) return P .. "qh:" .. queue end
local function passes_key(order) return P .. "st:" .. order end
local function leases_key() return P .. "lease" end
local function running_key(queue) return P .. "run:" .. queue end
local function held_key(worker) return P .. "wt:" .. worker end
local function delayed_key() return P .. "delay" end
local function deadlines_key() return P .. "exp" end
local function done_key() return P .. "done" end
local function unarchived_key() return P .. "arc" end
local function dead_key() return P .. "dead" end
local function references_key() return P .. "refs" end
local function blob_key(digest) return P .. "blob:" .. digest end
local function dependencies_key(id) return P .. "dep:" .. id end
local function children_key(id) return P .. "kid:" .. id end
local function resolve_key() return P .. "resolve" end
local function holders_key(key) return P .. "hold:" .. key end
local function parked_tasks_key(key) return P .. "park:" .. key end
local function parked_keys_key() return P .. "cks" end
local function unique_key(key) return P .. "u:" .. key end
local function schedules_key() return P .. "cron" end
local function schedule_key(name) return P .. "cr:" .. name end
local function statistics_key(queue, minute) return P .. "qstat:" .. queue .. ":" .. minute end
local function scalars_key(id) return P .. "sc:" .. id end
local function workers_key() return P .. "wks" end
local function worker_key(worker) return P .. "wk:" .. worker end
local function inbox_key(worker) return P .. "in:" .. worker end
local function command_key(worker) return P .. "!cmd:" .. worker end
local function worker_labels_key(worker) return P .. "!lbl:" .. worker end
local function interested_key(queue, shape) return P .. "qp:" .. queue .. ":" .. shape end
local function listeners_key(queue) return P .. "ql:" .. queue end
local function profile_key(profile) return P .. "pf:" .. profile end
local function idle_key(profile) return P .. "idle:" .. profile end
local function events_key() return P .. "ev" end
local function log_key(id, fence) return P .. "log:" .. id .. ":" .. fence end
local function globals__key() return P .. "g" end
local function keyring_key() return P .. "!keyring" end
local function keyring_copy_key() return P .. "keyring" end
local function join_key(token) return P .. "!join:" .. token end

-- A whole number from a stored text that anybody may have written, or `default`.
local function whole(text, default)
  local number = tonumber(text)
  if not number or number ~= number or math.abs(number) > 2 ^ 53 then
    return default
  end
  return math.floor(number)
end

-- Whether to wait until a stored time. One that lies an hour ahead is from before the clock was
-- set back, and nobody waits for it.
local function is_ahead(time)
  return NOW < time and time <= NOW + 3600000
end

-- Fields of a task as text, '' for what is not there. nil when there is no record with the first
-- of them, or when its key holds something else: nobody can stop a script by writing to it.
local function read_task(id, ...)
  local fields = try("HMGET", task_key(id), ...)
  if fields.err or not fields[1] then
    return nil
  end
  for n = 2, select("#", ...) do
    fields[n] = fields[n] or ""
  end
  return fields
end

local is_trimmed = false

-- Tell the event stream. Further arguments are fields and values.
local function publish(id, name, ...)
  if is_trimmed then
    call("XADD", events_key(), "*", "id", id, "event", name, ...)
  else -- once in a call
    call("XADD", events_key(), "MAXLEN", "~", "100000", "*", "id", id, "event", name, ...)
    is_trimmed = true
  end
end

-- Add a line to a task's own history. The history begins with the first event after the enqueue:
-- a million waiting tasks need none. created: text, as stored; nil: to be read.
local function remember(id, line, created)
  local length = try("RPUSH", history_key(id), line)
  if length == 1 then
    created = created or try("HGET", task_key(id), "created_ms")
    call("LPUSH", history_key(id), I(whole(created, NOW)) .. " enqueued")
  elseif type(length) == "number" and length > 64 then
    call("LTRIM", history_key(id), -64, -1)
  end
end

-- Tell the event stream and the task's own history.
local function event(id, name, detail, ...)
  publish(id, name, ...)
  local line = I(NOW) .. " " .. name
  if detail ~= "" then
    line = line .. " " .. detail
  end
  remember(id, line)
end
