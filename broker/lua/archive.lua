-- archive.lua: let a final task go now: it leaves Redis as soon as the archive has it.
--
-- Uses     states.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
--
-- Returns  archived | '' no such task | the state of one that is not final: nothing is written
-- Writes   done and, where the archive lacks it, arc: both times become now; an event.
-- Cost     O(log N)

local id = ARGV[1]

local task = read_task(id, "state", "finished_ms", "archived_ms", "queue")
if not task then
  return ""
end
if not FINAL[task[1]] then
  return task[1]
end
call("ZADD", done_key(), I(NOW), id)
if task[2] == "" or task[3] ~= task[2] then
  call("ZADD", unarchived_key(), I(NOW), id)
end
event(id, "archive", "", "state", task[1], "queue", task[4])
return "archived"
