-- purge.lua: remove final tasks whose time is up, and what nobody else needs of theirs.
--
-- Uses     states.lua, references.lua
-- KEYS[1]  prefix
-- ARGV[1]  limit     1 to 100 tasks
-- ARGV[2]  retry     integer, ms; when to look again at one that the archive lacks; it is due at
--                    once when archived.lua notes that the archive has it
-- ARGV[3]  keep      integer, ms; when to look again at one that a live child needs
-- ARGV[4]  ttl       integer, ms; how long a blob stays that no definition refers to any more
--
-- A task goes only if the archive has this very end of it: archived_ms = finished_ms. One that
-- was reset, or ran once more, has another end. A blob gets a TTL instead of being deleted:
-- somebody may just have been told that it is there, and be about to refer to it.
--
-- Returns  {purged, unarchived, needed, dropped, more}; more = 1: the limit was reached
-- Writes   t: x: a: r: h: sc: and the logs of a purged task, its place in ids, by:*, done, dead,
--          arc; refs of its definition and, with the last task of it, d:, refs of its blobs and
--          their TTL. What is not final, or has no readable record, leaves `done`. Events.
-- Cost     O(limit log N)

local limit, retry, keep, ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
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

local function remove_from_indices(id, task)
  local extra = try("HMGET", extra_key(id), "name", "labels")
  for _, key in ipairs({ ids_key(), done_key(), dead_key(), unarchived_key() }) do
    remove_from(key, id)
  end
  remove_from(index_key("state", task[1]), id)
  remove_from(index_key("queue", task[4]), id)
  remove_from(index_key("user", task[5]), id)
  remove_from(index_key("name", extra[1] or task[6]), id)
  if extra[2] then
    remove_from_labels(id, extra[2])
  end
end

local function remove(id, task)
  remove_from_indices(id, task)
  for _, key in ipairs({ task_key(id), extra_key(id), arguments_key(id), result_key(id),
    history_key(id), scalars_key(id) }) do
    table.insert(doomed, key)
  end
  local fence = whole(task[7], 0)
  for n = fence, math.max(1, fence - MOST_LOGS + 1), -1 do -- older logs are gone by their TTL
    table.insert(doomed, log_key(id, I(n)))
  end
  if task[8] ~= "" then
    users[task[8]] = (users[task[8]] or 0) + 1
  end
  call("XADD", events_key(), "*", "id", id, "event", "purged", "state", task[1], "queue", task[4])
end

-- Whether a child that is not final, or was not told yet, needs a task.
local function is_needed(id)
  local children = call("HGET", references_key(), "t:" .. id)
  if children and whole(children, 0) <= 0 then -- nobody's count: it would stay for good
    call("HDEL", references_key(), "t:" .. id)
  end
  return whole(children, 0) > 0 or call("EXISTS", children_key(id)) == 1
end

local counts = { 0, 0, 0, 0 } -- purged, unarchived, needed, dropped

local function look(id)
  local task = read_task(id, "state", "finished_ms", "archived_ms", "queue", "user", "name",
    "fence", "definition")
  if not task or not FINAL[task[1]] then
    call("ZREM", done_key(), id)
    publish(id, "ghost", "state", task and task[1] or "missing")
    return 4
  end
  if task[2] == "" or task[3] ~= task[2] then
    call("HSET", task_key(id), "overdue", task[2]) -- archived.lua lets it go then
    call("ZADD", unarchived_key(), "NX", I(NOW), id)
    call("ZADD", done_key(), I(NOW + retry), id)
    return 2
  end
  if is_needed(id) then
    call("ZADD", done_key(), I(NOW + keep), id)
    return 3
  end
  remove(id, task)
  return 1
end

local ids = call("ZRANGEBYSCORE", done_key(), "-inf", I(NOW), "LIMIT", 0, limit)
for _, id in ipairs(ids) do
  local what = look(id)
  counts[what] = counts[what] + 1
end
if counts[1] > 0 then
  call("XTRIM", events_key(), "MAXLEN", "~", "100000")
end
for digest, count in pairs(users) do
  lose_definition(digest, count, ttl)
end
for key, members in pairs(removals) do
  try("ZREM", key, unpack(members))
end
for n = 1, #doomed, 1000 do
  call("UNLINK", unpack(doomed, n, math.min(n + 999, #doomed)))
end
return { counts[1], counts[2], counts[3], counts[4], #ids == limit and 1 or 0 }
