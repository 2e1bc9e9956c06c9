-- ageing.lua: tasks that waited for long rise by one priority, in queues that were told to.
--
-- A part of other scripts (`Uses`); needs prelude.lua and ready.lua.
-- Only `order` changes, by one band: among its new equals a task stands by its age. The priority
-- that it was given stays. Of each band only the front is looked at, and what is behind it when it
-- rose; so the cost is that of the bands, not of the tasks.

local MOST_AGEING_QUEUES, MOST_BANDS, MOST_AGEING_SHAPES = 64, 1000, 256

-- Since when a task has waited at its present priority, in ms; nil when no such task waits here.
local function risen_at(id, queue)
  local task = read_task(id, "state", "queue", "queued_ms", "created_ms", "aged_ms")
  if not task or task[1] ~= "queued" or task[2] ~= queue then
    return nil
  end
  return math.max(whole(task[3], whole(task[4], NOW)), whole(task[5], 0))
end

local function rise(id, queue, key, score)
  local priority = 128 - math.floor(score / BAND)
  call("ZADD", key, I(score - BAND), id)
  call("HSET", task_key(id), "order", I(score - BAND), "aged_ms", I(NOW))
  event(id, "aged", "as priority " .. I(priority), "state", "queued", "queue", queue)
end

-- Let the front of each band of one ready set rise. budget: {tasks, bands} that are left.
local function age_ready(queue, shape, ageing, budget)
  local key, from = ready_key(queue, shape), BAND -- nothing is before the first band
  while budget.tasks > 0 and budget.bands > 0 do
    local front = call("ZRANGEBYSCORE", key, I(from), "+inf", "WITHSCORES", "LIMIT", 0, 1)
    local id, score = front[1], tonumber(front[2])
    if not id then
      return
    end
    local since = risen_at(id, queue)
    if not since then
      drop_ready(id, queue, shape)
      publish(id, "ghost", "queue", queue, "state", "")
      budget.tasks = budget.tasks - 1
    elseif NOW - since >= ageing then
      rise(id, queue, key, score)
      budget.tasks = budget.tasks - 1
    else
      from = (math.floor(score / BAND) + 1) * BAND
      budget.bands = budget.bands - 1
    end
  end
end

-- Let at most `limit` tasks rise. Return 1 when there may be more to do.
local function age_queues(limit)
  local budget = { tasks = limit, bands = MOST_BANDS }
  for _, queue in ipairs(call("SRANDMEMBER", ageing_queues_key(), MOST_AGEING_QUEUES)) do
    local stored = try("HGET", queue_key(queue), "ageing_ms")
    local ageing = whole(type(stored) == "string" and stored, 0)
    if ageing > 0 then
      for _, shape in ipairs(
        call("SRANDMEMBER", queue_shapes_key(queue), MOST_AGEING_SHAPES)
      ) do
        age_ready(queue, shape, ageing, budget)
      end
    end
  end
  return budget.tasks == 0 and 1 or 0
end
