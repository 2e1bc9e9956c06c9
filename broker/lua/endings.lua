-- endings.lua: out of the running set, and into a final state.
--
-- A part of other scripts (`Uses`); needs prelude.lua and ready.lua.
-- `lease` is the running set; run:<queue> and wt:<worker> are touched only together with it.

local FINAL = {
  succeeded = true, failed = true, errored = true, timed_out = true,
  cancelled = true, skipped = true, expired = true, dead = true,
}

local function leave_running(id, queue, worker)
  call("ZREM", leases_key(), id)
  call("ZREM", running_key(queue), id)
  call("SREM", held_key(worker), id)
  if limits[queue] and limits[queue].room < math.huge then
    limits[queue] = nil -- to be counted again
  end
end

-- Let the log of an attempt that ended go after a while.
local function age_log(id, fence, ttl)
  call("PEXPIRE", log_key(id, I(whole(fence, 0))), ttl)
end

-- Why a task is cancelled: what who asked for it said, else what its worker says.
local function cancel_reason(id, default)
  local reason = try("HGET", extra_key(id), "cancel_reason")
  return type(reason) == "string" and reason or default
end

-- Enter a final state. The task must have left every index that owned it.
-- Further arguments are fields and values of its record.
local function finalize(id, state, reason, retention, queue, ...)
  call("HSET", task_key(id), "state", state, "finished_ms", I(NOW), "phase", "", ...)
  if reason ~= "" then
    try("HSET", extra_key(id), "reason", reason)
  end
  call("ZADD", done_key(), I(NOW + retention), id)
  if reason == "" then
    event(id, state, "", "state", state, "queue", queue)
  else
    event(id, state, reason, "state", state, "queue", queue, "reason", string.sub(reason, 1, 200))
  end
end
