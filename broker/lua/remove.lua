-- remove.lua: forget a task that ended, or a draft, at once.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, references.lua, removing.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  ttl       integer, ms; how long a blob stays that no definition refers to any more
--
-- What the archive has of it stays there. A blob gets a TTL instead of being deleted: somebody may
-- just have been told that it is there, and be about to refer to it.
--
-- Returns  {removed, archived | ''} | {missing} no such task | {state, its state} it waits or runs
--          | {needed, number of tasks} that wait for it; nothing is written unless removed
-- Writes   t: x: a: r: h: sc: and the logs, its place in ids, by:*, done, dead, arc; refs of its
--          definition and, with the last task of it, d:, refs of its blobs and their TTL. The
--          parents of a draft are not needed by it any more. An event `removed`.
-- Cost     O(log N + parents + labels)

local id, ttl = ARGV[1], ARGV[2]

local task = read_task(id, "state", "finished_ms", "archived_ms", "parents")
if not task then
  return { "missing" }
end
local is_draft = task[1] == "draft"
if not is_draft and not FINAL[task[1]] then
  return { "state", task[1] }
end
if is_needed(id) then
  local children = whole(call("HGET", references_key(), "t:" .. id), 0)
  return { "needed", I(math.max(children, call("SCARD", children_key(id)))) }
end

if is_draft and task[4] ~= "" then
  count_child(parents_of(id), -1)
end
remove(id, "removed")
call("XTRIM", events_key(), "MAXLEN", "~", "100000")
remove_all(ttl)
return { "removed", task[2] ~= "" and task[3] == task[2] and "archived" or "" }
