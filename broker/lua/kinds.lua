-- kinds.lua: what many tasks of one enqueue have in common, read once.
--
-- A part of other scripts (`Uses`); needs prelude.lua and ready.lua.
-- A record leaves out what it would only repeat: priority 0, no name, no user, no lease of its
-- own, max_lost 3, timeout_ms 0, fence 0, attempt 1, lost 0, and queued_ms until a task is made
-- ready once more. Every reader takes the absence of a field for this value.

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

-- Read one kind from the arguments.
-- take: function that returns the next argument; their order is in enqueue.lua
local function read_kind(take)
  local kind = { indices = {}, ids = {}, places = {}, new = 0 }
  local queue, shape, need, priority, name, user = take(), take(), take(), take(), take(), take()
  kind.queue, kind.shape, kind.need, kind.definition = queue, shape, need, take()
  kind.delay = tonumber(take())
  kind.state = kind.delay > 0 and "delayed" or "queued"
  kind.band = (127 - tonumber(priority)) * BAND + MIDDLE
  local fields = {
    "state", kind.state, "queue", queue, "shape", shape, "definition", kind.definition,
    "created_ms", I(NOW),
  }
  kind.fields = fields
  add_unless("0", fields, "priority", priority)
  add_unless("", fields, "name", name)
  add_unless("", fields, "user", user)
  add_unless("0", fields, "lease_ms", take())
  add_unless("3", fields, "max_lost", take())
  kind.queue_timeout = tonumber(take())
  add_unless("0", fields, "timeout_ms", take())
  local whole_name, labels = take(), take()
  kind.extra = {}
  add_unless(name, kind.extra, "name", whole_name)
  add_unless("", kind.extra, "labels", labels)
  add_index(kind, "queue", queue)
  add_index(kind, "user", user)
  add_index(kind, "name", whole_name)
  for _ = 1, tonumber(take()) do
    add_index(kind, "label", take())
  end
  return kind
end
