-- states.lua: which states there are to find tasks by.
--
-- A part of other scripts (`Uses`); needs prelude.lua.
-- by:state:<state> is kept for the states that own no other index: queued tasks stand in their
-- ready set, delayed ones in `delay`, running ones in `lease`.

local FINAL = {
  succeeded = true, failed = true, errored = true, timed_out = true,
  cancelled = true, skipped = true, expired = true, dead = true,
}

local function is_indexed(state)
  return FINAL[state] or state == "draft" or state == "waiting" or state == "blocked"
end

-- A task goes from one state to another. Its record is written by the caller.
local function enter_state(id, old, new)
  if old ~= new and is_indexed(old) then
    call("ZREM", index_key("state", old), id)
  end
  if is_indexed(new) then
    call("ZADD", index_key("state", new), "0", id)
  end
end
