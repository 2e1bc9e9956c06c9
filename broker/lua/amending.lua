-- amending.lua: what people may change of a task that ended, too.
--
-- A part of other scripts (`Uses`); needs prelude.lua and states.lua.

-- A task was changed, whose state, edits and archived_ms were read as these. Of a final one,
-- edits + 1: what an archiver holds of it just now is out of date. One that the archive has is to
-- be written anew, before it is purged.
local function note_amended(id, state, edits, archived_ms)
  if not FINAL[state] then
    return
  end
  call("HSET", task_key(id), "edits", I(whole(edits, 0) + 1))
  if archived_ms ~= "" then
    call("HDEL", task_key(id), "archived_ms")
    call("ZADD", unarchived_key(), I(NOW), id)
  end
end
