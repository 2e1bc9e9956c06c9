-- removing.lua: a task's way out of Redis, with all that is only its own.
--
-- A part of other scripts (`Uses`); needs prelude.lua and references.lua.

local MOST_LOGS, MOST_LABELS = 32, 100

local removals, doomed = {}, {} -- sorted set -> members, keys: removed at the end, at once
local users = {} -- definition -> how many of its tasks went

local function remove_from(key, id)
  removals[key] = removals[key] or {}
  table.insert(removals[key], id)
end

local function remove_from_labels(id, stored)
  local is_json, labels = pcall(cjson.decode, stored)
  local left = MOST_LABELS
  for name, value in pairs(is_json and type(labels) == "table" and labels or {}) do
    if left > 0 and type(name) == "string" and type(value) == "string" then
      left = left - 1
      remove_from(index_key("label", name), id)
      remove_from(index_key("label", name .. "=" .. value), id)
    end
  end
end

-- task: {state, queue, user, name, ...} as stored.
local function remove_from_indices(id, task)
  local extra = try("HMGET", extra_key(id), "name", "labels")
  for _, key in ipairs({ ids_key(), done_key(), dead_key(), unarchived_key() }) do
    remove_from(key, id)
  end
  remove_from(index_key("state", task[1]), id)
  remove_from(index_key("queue", task[2]), id)
  remove_from(index_key("user", task[3]), id)
  remove_from(index_key("name", extra[1] or task[4]), id)
  if extra[2] then
    remove_from_labels(id, extra[2])
  end
end

-- Let a task go that is final or a draft; its record is readable. remove_all() does it.
-- what: of the event that tells of it.
local function remove(id, what)
  local task = read_task(id, "state", "queue", "user", "name", "fence", "definition")
  remove_from_indices(id, task)
  for _, key in ipairs({ task_key(id), extra_key(id), arguments_key(id), result_key(id),
    history_key(id), scalars_key(id) }) do
    table.insert(doomed, key)
  end
  local fence = whole(task[5], 0)
  for n = fence, math.max(1, fence - MOST_LOGS + 1), -1 do -- older logs are gone by their TTL
    table.insert(doomed, log_key(id, I(n)))
  end
  if task[6] ~= "" then
    users[task[6]] = (users[task[6]] or 0) + 1
  end
  call("XADD", events_key(), "*", "id", id, "event", what, "state", task[1], "queue", task[2])
end

-- Whether a child that is not final, or was not told yet, needs a task.
local function is_needed(id)
  local children = call("HGET", references_key(), "t:" .. id)
  if children and whole(children, 0) <= 0 then -- nobody's count: it would stay for good
    call("HDEL", references_key(), "t:" .. id)
  end
  return whole(children, 0) > 0 or call("EXISTS", children_key(id)) == 1
end

-- Do what was begun. ttl: ms; how long a blob stays that no definition refers to any more.
local function remove_all(ttl)
  for digest, count in pairs(users) do
    lose_definition(digest, count, ttl)
  end
  for key, members in pairs(removals) do
    try("ZREM", key, unpack(members))
  end
  for n = 1, #doomed, 1000 do
    call("UNLINK", unpack(doomed, n, math.min(n + 999, #doomed)))
  end
end
