-- purge_queue.lua: cancel what waits in a queue, some of it in one call.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, families.lua, waiting.lua
-- KEYS[1]  prefix
-- ARGV[1]  queue
-- ARGV[2]  after      id up to which earlier calls came; '': the first call
-- ARGV[3]  until      integer, Unix ms; what was added later stays. 0: now
-- ARGV[4]  limit      of tasks to cancel, 1 to 1000
-- ARGV[5]  retention  integer, ms; how long a final record stays
--
-- Returns  {cancelled, after, until} for the next call; after is '' when all was looked at
--          | {-1} no such queue
-- Writes   queued, delayed, waiting and blocked tasks of the queue are cancelled, reason `queue
--          purged`; their children are told, at most 200 in this call; an event `queue_purged`.
--          Drafts and what runs stay.
-- Cost     O(limit log N + 1000): they are found by by:queue:, where final tasks are too

local queue, after, until_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local limit, retention = tonumber(ARGV[4]), tonumber(ARGV[5])
local MOST_LOOKED_AT = 1000
local WAITS = { queued = true, delayed = true, waiting = true, blocked = true }

if call("SISMEMBER", queues_key(), queue) == 0 then
  return { -1 }
end
if until_ms == 0 then
  until_ms = NOW
end

local function cancel(id)
  local task = read_task(id, "state", "queue", "shape", "key", "created_ms")
  if not task or not WAITS[task[1]] or task[2] ~= queue or whole(task[5], 0) > until_ms then
    return 0
  end
  leave_waiting(id, task)
  finalize(id, "cancelled", "queue purged", retention, queue)
  return 1
end

local from = after == "" and "-" or "(" .. after
local ids = call("ZRANGEBYLEX", index_key("queue", queue), from, "+", "LIMIT", 0, MOST_LOOKED_AT)
local cancelled, reached = 0, ""
for n, id in ipairs(ids) do
  cancelled = cancelled + cancel(id)
  if cancelled == limit or n == MOST_LOOKED_AT then
    reached = id
    break
  end
end
if cancelled > 0 then
  publish("", "queue_purged", "queue", queue, "count", I(cancelled))
  fan_out(200, retention)
end
return { cancelled, reached, until_ms }
