-- describing.lua: what a worker is told of a task that it claims.
--
-- A part of other scripts (`Uses`); needs prelude.lua.

local FIELDS = {
  "state", "queue", "shape", "fence", "definition", "name", "user", "order", "created_ms",
}
local OTHER_FIELDS = {
  "attempt", "lease_ms", "priority", "lost", "timeout_ms", "nonce", "retry", "key", "key_limit",
  "queued_ms", "max_lost", "unique", "result_ttl_ms", "queue_timeout_ms", "isolation",
}

-- What describes a task: FIELDS, then OTHER_FIELDS, as read_task(). Most tasks that were never
-- claimed have none of the others, which shows in the number of fields: then task[10] is nil.
local function read_description(id)
  local key = task_key(id)
  local task = try("HMGET", key, unpack(FIELDS))
  if task.err or not task[1] then
    return nil
  end
  local found = 0
  for n = 1, 9 do
    if task[n] then
      found = found + 1
    else
      task[n] = ""
    end
  end
  if call("HLEN", key) > found then
    local others = call("HMGET", key, unpack(OTHER_FIELDS))
    for n = 1, 15 do
      task[9 + n] = others[n] or ""
    end
  end
  return task
end

local kinds = {} -- as claim.lua tells them

-- The number of a task's kind; that of the task before it where both are alike, as is usual.
local function kind_of(task)
  local last = kinds[#kinds]
  if not last or last[1] ~= task[2] or last[2] ~= task[3] or last[3] ~= task[5]
    or last[4] ~= task[6] or last[5] ~= task[7] then
    kinds[#kinds + 1] = { task[2], task[3], task[5], task[6], task[7] }
  end
  return #kinds
end

-- What few tasks have.
local function rest_of(task)
  return {
    task[10], task[11], task[12], task[13], task[14], task[16], task[20], task[21], task[17],
    task[18], task[22], task[23], task[24],
  }
end

-- A claimed task as its worker is told of it. most: text, bytes of an envelope.
local function describe(id, task, fence, most)
  local envelope = try("GETRANGE", arguments_key(id), "0", most)
  if type(envelope) ~= "string" or #envelope > tonumber(most) then
    envelope = ""
  end
  return { id, fence, kind_of(task), envelope, task[8], task[9], task[10] and rest_of(task) or "" }
end
