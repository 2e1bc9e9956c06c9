-- purge.lua: remove final tasks whose time is up, and what nobody else needs of theirs.
--
-- Uses     states.lua, references.lua, removing.lua
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

local counts = { 0, 0, 0, 0 } -- purged, unarchived, needed, dropped

local function look(id)
  local task = read_task(id, "state", "finished_ms", "archived_ms")
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
  remove(id, "purged")
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
remove_all(ttl)
return { counts[1], counts[2], counts[3], counts[4], #ids == limit and 1 or 0 }
