-- waiting.lua: out of whatever a live task waits in.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua, states.lua, holds.lua,
-- endings.lua and families.lua.

-- Take a live task that does not run out of the index that owns it. The caller sets its new state.
-- task: {state, queue, shape, key} as stored.
local function leave_waiting(id, task)
  local state, key = task[1], task[4]
  if state == "queued" then
    drop_ready(id, task[2], task[3])
  elseif state == "delayed" then
    call("ZREM", delayed_key(), id)
  elseif state == "blocked" then
    drop_parked(id, key)
  elseif state == "waiting" then
    unlink(id)
  end
  call("ZREM", deadlines_key(), id)
  unpark_tasks(key)
end
