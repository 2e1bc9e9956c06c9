-- archived.lua: note which ends of tasks the archive has.
--
-- Uses     states.lua
-- KEYS[1]  prefix
-- ARGV[1]  number of tasks, 1 to 200
-- then, for each
--   id, finished_ms, edits      as collect.lua gave them
--
-- Returns  for each: 1 noted | 0 not this end, or edited since: the task was reset, ran again, got
--          other labels, or is gone
-- Writes   t:<id> archived_ms = finished_ms, and the task leaves `arc`; one whose time was up
--          before is to be purged now; g archived: there is an archive. Nothing where it returns 0.
-- Cost     O(tasks log N)

local codes, noted = {}, {}
for n = 1, tonumber(ARGV[1]) do
  local id, finished, edits = ARGV[3 * n - 1], ARGV[3 * n], ARGV[3 * n + 1]
  local task = read_task(id, "state", "finished_ms", "overdue", "edits")
  codes[n] = 0
  if task and FINAL[task[1]] and task[2] == finished and task[4] == edits then
    call("HSET", task_key(id), "archived_ms", finished)
    noted[#noted + 1] = id
    if task[3] == finished then
      call("HDEL", task_key(id), "overdue")
      call("ZADD", done_key(), I(NOW), id)
    end
    codes[n] = 1
  end
end
if #noted > 0 then
  call("HSET", globals__key(), "archived", "1")
  call("ZREM", unarchived_key(), unpack(noted))
end
return codes
