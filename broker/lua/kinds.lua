-- kinds.lua: what many tasks of one enqueue have in common, read once.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua and states.lua.
-- A record leaves out what it would only repeat: priority 0, no name, no user, no lease of its
-- own, max_lost 3, timeout_ms 0, fence 0, attempt 1, lost 0, isolation 0, no keys, no retries, no
-- parents, and queued_ms until a task is made ready once more. Every reader takes the absence of a
-- field for this value.

local function add_unless(default, fields, name, value)
  if value ~= default then
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
end

-- Add the name of an index that a kind belongs to, unless its value is empty.
local function add_index(kind, field, value)
  if value ~= "" then
    kind.indices[#kind.indices + 1] = index_key(field, value)
  end
end

-- What else a kind has that few tasks have.
local function read_rare(kind, take)
  local fields = kind.fields
  kind.unique, kind.unique_mode = take(), take()
  add_unless("", fields, "unique", kind.unique)
  add_unless("", fields, "key", take())
  add_unless("1", fields, "key_limit", take())
  add_unless("", fields, "retry", take())
  add_unless("0", fields, "result_ttl_ms", take())
  kind.parents = {}
  local names = {}
  for n = 1, tonumber(take()) do
    local condition, parent = take(), take()
    kind.parents[n] = { condition, parent }
    names[n] = condition .. ":" .. parent
  end
  if #names > 0 then
    add_unless("0", fields, "parents", I(#names))
    add_unless("", kind.extra, "parents", table.concat(names, " "))
    if kind.due > NOW then
      add_unless("", fields, "due_ms", I(kind.due))
    end
  end
end

-- In which state a task of a kind begins.
local function first_state(kind, is_draft)
  if is_draft then
    return "draft"
  elseif #kind.parents > 0 then
    return "waiting"
  end
  return kind.due > NOW and "delayed" or "queued"
end

-- Read one kind from the arguments.
-- take: function that returns the next argument; their order is in enqueue.lua
local function read_kind(take)
  local kind = { indices = {}, ids = {}, places = {}, new = 0, extra = {} }
  local queue, shape, need, priority, name, user = take(), take(), take(), take(), take(), take()
  kind.queue, kind.shape, kind.need, kind.definition = queue, shape, need, take()
  kind.priority = tonumber(priority)
  local delay, at = tonumber(take()), tonumber(take())
  kind.is_past = at > 0 and at < NOW - 60000
  kind.due = at > 0 and at or NOW + delay
  local fields = {
    "queue", queue, "shape", shape, "definition", kind.definition, "created_ms", I(NOW),
  }
  kind.fields = fields
  add_unless("0", fields, "priority", priority)
  add_unless("", fields, "name", name)
  add_unless("", fields, "user", user)
  add_unless("0", fields, "lease_ms", take())
  add_unless("3", fields, "max_lost", take())
  local queue_timeout = take()
  kind.queue_timeout = tonumber(queue_timeout)
  add_unless("0", fields, "queue_timeout_ms", queue_timeout)
  add_unless("0", fields, "timeout_ms", take())
  local whole_name, labels = take(), take()
  add_unless(name, kind.extra, "name", whole_name)
  add_unless("", kind.extra, "labels", labels)
  add_index(kind, "queue", queue)
  add_index(kind, "user", user)
  add_index(kind, "name", whole_name)
  for _ = 1, tonumber(take()) do
    add_index(kind, "label", take())
  end
  local is_draft = take() == "1"
  read_rare(kind, take)
  kind.state = first_state(kind, is_draft)
  add_index(kind, "state", is_indexed(kind.state) and kind.state or "")
  return kind
end
