-- endings.lua: out of the running set, and into a final state.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua, states.lua, holds.lua, counts.lua
-- and gathering.lua.
-- `lease` is the running set; run:<queue>, wt:<worker> and hold:<key> are touched only together
-- with it. A script that finalizes tasks ends with fan_out() of families.lua, which writes what
-- was gathered.

local MOST_PARENTS = 1000
local LATE_OUTPUT = 3600000 -- ms after the end in which a worker may still ship output

local function leave_running(id, queue, worker)
  call("ZREM", leases_key(), id)
  call("ZREM", running_key(queue), id)
  call("SREM", held_key(worker), id)
  if limits[queue] and limits[queue].room < math.huge then
    limits[queue] = nil -- to be counted again
  end
  local key = try("HGET", task_key(id), "key")
  unhold(id, type(key) == "string" and key or "")
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

-- What a task depends on, as {condition, parent} pairs.
local function parents_of(id)
  local parents, text = {}, try("HGET", extra_key(id), "parents")
  for condition, parent in string.gmatch(type(text) == "string" and text or "", "(%a+):(%w+)") do
    if #parents < MOST_PARENTS then
      parents[#parents + 1] = { condition, parent }
    end
  end
  return parents
end

-- A parent is not purged while a child of it is not final. `change` is 1 or -1.
local function count_child(parents, change)
  for _, edge in ipairs(parents) do
    local field = "t:" .. edge[2]
    if call("HINCRBY", references_key(), field, change) <= 0 then
      call("HDEL", references_key(), field)
    end
  end
end

-- Nobody holds this uniqueness key any more, if it was this task.
local function free_unique(id, key)
  if key ~= "" and try("GET", unique_key(key)) == id then
    call("DEL", unique_key(key))
  end
end

local ended = {} -- ids; families.lua asks later, at once, which of them have children

-- What many tasks of a call that end have in common.
local function gather_end(id, state, retention, queue)
  ended[#ended + 1] = id
  gather(index_key("state", state), "0", id)
  gather(done_key(), I(NOW + retention), id)
  gather(unarchived_key(), I(NOW + math.min(retention, LATE_OUTPUT)), id)
end

-- The rest, of a task whose record was read; the record comes last. known: as finalize_known() has
-- it.
local function write_end(id, known, state, reason, queue, ...)
  if known[1] ~= state and is_indexed(known[1]) then
    call("ZREM", index_key("state", known[1]), id)
  end
  free_unique(id, known[2])
  if reason == "" then
    event(id, state, "", "state", state, "queue", queue)
  else
    try("HSET", extra_key(id), "reason", reason)
    event(id, state, reason, "state", state, "queue", queue, "reason", string.sub(reason, 1, 200))
  end
  if known[3] ~= "" then
    count_child(parents_of(id), -1)
  end
  if known[4] == "" then
    call("HSET", task_key(id), "state", state, "finished_ms", I(NOW), ...)
  else
    call("HSET", task_key(id), "state", state, "finished_ms", I(NOW), "phase", "", ...)
  end
  count(queue, state)
end

-- As finalize(), of a task whose record was read. known: {state, unique, parents, phase} as stored.
local function finalize_known(id, known, state, reason, retention, queue, ...)
  gather_end(id, state, retention, queue)
  write_end(id, known, state, reason, queue, ...)
end

-- Enter a final state. The task must have left every index that owned it.
-- Further arguments are fields and values of its record.
local function finalize(id, ...)
  finalize_known(id, read_task(id, "state", "unique", "parents", "phase"), ...)
end
