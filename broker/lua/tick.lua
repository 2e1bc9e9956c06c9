-- tick.lua: what time alone brings about. Called about once a second by one worker.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, losing.lua, families.lua, waiting.lua, ageing.lua, sweeping.lua, commands.lua
-- KEYS[1]  prefix
-- ARGV[1]  limit       of each kind of work in this call
-- ARGV[2]  lease       integer, ms; the usual one
-- ARGV[3]  retention   integer, ms; how long a final record stays
-- ARGV[4]  log ttl     integer, ms; how long the log of an ended attempt stays
--
-- Returns  {reaped, promoted, expired, purged, woken, more}; more = 1: a limit was reached
-- Writes   a task whose lease ran out: lost + 1, then back into its own place (first loss),
--          delayed (later ones), dead (above max_lost), or cancelled (where that was asked for);
--          its nonce stays, so that its worker can still re-adopt it. Due delayed tasks become
--          ready, overdue ones expired. Workers silent for ten leases are forgotten. Children of
--          final tasks are told; tasks parked under a key that has room become ready, and members of
--          run: and hold: without a lease are dropped. Tasks of queues with ageing rise by a priority.
-- Cost     O(limit log N)

local limit, lease = tonumber(ARGV[1]), tonumber(ARGV[2])
local retention, log_ttl = tonumber(ARGV[3]), ARGV[4]
local MOST_WORKERS, MOST_QUEUES, MOST_SHAPES = 50, 20, 64
local more = 0

local function due(key, most)
  local ids = call("ZRANGEBYSCORE", key, "-inf", I(NOW), "LIMIT", 0, most)
  if #ids == most then
    more = 1
  end
  return ids
end

-- After a long gap nobody could renew or tick: Redis, or all of us, were away. Nobody is dead yet.
local function is_reaping_held()
  local stored = call("HMGET", globals__key(), "ticked_at", "hold_reaping_until")
  local ticked_at, held = whole(stored[1], NOW), whole(stored[2], 0)
  if NOW - ticked_at > lease / 2 then
    held = NOW + lease
    call("HSET", globals__key(), "hold_reaping_until", I(held))
  end
  call("HSET", globals__key(), "ticked_at", I(NOW))
  return is_ahead(held)
end

-- Take a task from a worker that did not renew its lease.
local function reap(id)
  local task = read_task(id, "state", "fence", "worker", "queue")
  if not task or task[1] ~= "running" then
    call("ZREM", leases_key(), id)
    publish(id, "ghost", "state", task and task[1] or "missing")
    return false
  end
  leave_running(id, task[4], task[3])
  age_log(id, task[2], log_ttl)
  charge_loss(id, "", retention)
  return true
end

local function promote(id)
  call("ZREM", delayed_key(), id)
  local task = read_task(id, "state", "queue", "shape", "order")
  if not task or task[1] ~= "delayed" then
    return false
  end
  event(id, "promoted", "", "state", "queued", "queue", task[2])
  make_ready(id, task[2], task[3], task[4])
  return true
end

local EXPIRES = { queued = true, delayed = true, waiting = true, blocked = true }

local function expire(id)
  call("ZREM", deadlines_key(), id)
  local task = read_task(id, "state", "queue", "shape", "key")
  if not task or not EXPIRES[task[1]] then
    return false
  end
  leave_waiting(id, task)
  finalize(id, "expired", "waited too long", retention, task[2])
  return true
end

local function step_through(ids, step)
  local changed = 0
  for _, id in ipairs(ids) do
    if step(id) then
      changed = changed + 1
    end
  end
  return changed
end

-- Forget a worker that is gone, unless tasks are still leased to it.
local function purge(worker)
  if call("EXISTS", held_key(worker)) == 1 then
    return false
  end
  local profile = call("HGET", worker_key(worker), "parked")
  if profile then
    call("ZREM", idle_key(profile), worker)
  end
  call("ZREM", workers_key(), worker)
  forget_command(worker)
  call("UNLINK", worker_key(worker), inbox_key(worker))
  return true
end

-- Wake again for ready tasks: a worker that was woken may have died before it claimed.
local function wake_again()
  local woken, left = 0, MOST_QUEUES
  for _, shape in ipairs(call("HRANDFIELD", shapes_key(), MOST_SHAPES)) do
    for _, queue in ipairs(call("SRANDMEMBER", ready_queues_key(shape), left)) do
      left = left - 1
      if limits_of(queue).room > 0 and wake(queue, shape) then
        woken = woken + 1
      end
    end
  end
  return woken
end

local reaped, purged = 0, 0
if not is_reaping_held() then -- nor is a worker gone whose beat could not come
  local gone = call("ZRANGEBYSCORE", workers_key(), "-inf", I(NOW - 10 * lease), "LIMIT", 0, MOST_WORKERS)
  reaped, purged = step_through(due(leases_key(), limit), reap), step_through(gone, purge)
end
local promoted = step_through(due(delayed_key(), limit), promote)
local expired = step_through(due(deadlines_key(), limit), expire)
sweep(lease)
more = math.max(more, fan_out(limit, retention), age_queues(limit))
return { reaped, promoted, expired, purged, wake_again(), more }
