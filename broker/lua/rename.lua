-- rename.lua: give a task another name.
--
-- Uses     states.lua, amending.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  name        as much of it as a record holds, at most 64 bytes
-- ARGV[3]  whole name
--
-- Returns  {renamed} | {unchanged} | {missing} no such task | {unreadable} x: is no hash; nothing
--          is written unless renamed
-- Writes   name of t:, and of x: where it is longer; by:name:; an event. Of a final task what
--          amending.lua says.
-- Cost     O(log N)

local id, short, name = ARGV[1], ARGV[2], ARGV[3]

local task = read_task(id, "state", "queue", "name", "edits", "archived_ms")
if not task then
  return { "missing" }
end
local long = try("HGET", extra_key(id), "name")
if type(long) == "table" then
  return { "unreadable", "name" }
end
local before = long or task[3]
if before == name then
  return { "unchanged" }
end

call("ZREM", index_key("name", before), id)
if name == "" then
  call("HDEL", task_key(id), "name")
else
  call("HSET", task_key(id), "name", short)
  call("ZADD", index_key("name", name), "0", id)
end
if name == short then
  call("HDEL", extra_key(id), "name")
else
  call("HSET", extra_key(id), "name", name)
end
note_amended(id, task[1], task[4], task[5])
event(id, "renamed", string.sub(name, 1, 200), "state", task[1], "queue", task[2])
return { "renamed" }
