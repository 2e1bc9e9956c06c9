-- uniqueness.lua: uniqueness keys: at most one live task has one.
--
-- A part of other scripts (`Uses`); needs waiting.lua and the parts that it needs.

local added_now = {} -- ids of this call

-- The live task that holds a key; nil when none does. One that is gone, ended, or on no queue
-- does not count.
local function unique_holder(key)
  local id = try("GET", unique_key(key))
  if type(id) ~= "string" then
    return nil
  end
  local task = read_task(id, "state", "unique")
  if task and not FINAL[task[1]] and task[1] ~= "draft" and task[2] == key then
    return id
  end
end

-- Who would keep a key against a new task; nil when nobody would. In mode `replace` only a holder
-- that runs does, or one that this call added: it does not stand in its place yet.
local function unique_keeper(key, mode)
  local holder = unique_holder(key)
  if not holder or mode ~= "replace" or added_now[holder] then
    return holder
  end
  return read_task(holder, "state")[1] == "running" and holder or nil
end

-- Give a key that nobody keeps to a new task. Who held it, and has not started, is cancelled.
local function take_unique(key, id, retention)
  local holder = unique_holder(key)
  if holder then
    local task = read_task(holder, "state", "queue", "shape", "key")
    leave_waiting(holder, task)
    finalize(holder, "cancelled", "replaced by " .. id, retention, task[2])
  end
  call("SET", unique_key(key), id)
  added_now[id] = true
end
