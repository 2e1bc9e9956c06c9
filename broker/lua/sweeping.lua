-- sweeping.lua: what a hand in redis-cli, or a record that vanished, left behind.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua, states.lua and holds.lua.
-- Whoever leaves a key or a queue tidies up behind it, so this finds nothing as a rule. It is
-- rare: it can't see who was let through and is not claimed yet.

local SWEPT, MOST_SWEPT = 20, 50
local LONGEST_AWAY = 600000 -- ms, and some more: `worker restart` asks for so long a lease

-- What runs has a lease. A member without one would take up a place for ever.
local function drop_unleased(key)
  for _, id in ipairs(call("ZRANGE", key, 0, MOST_SWEPT - 1)) do
    if not call("ZSCORE", leases_key(), id) then
      call("ZREM", key, id)
      publish(id, "ghost", "state", "unleased")
    end
  end
end

-- A lease that ends later than any could is from before the clock was set back. Its worker renews
-- it, unless it died: then nobody else would have the task for as long as the clock went back.
local function shorten_leases(lease)
  local from = NOW + math.max(lease, 2 * LONGEST_AWAY)
  local late = call("ZRANGEBYSCORE", leases_key(), "(" .. I(from), "+inf", "WITHSCORES",
    "LIMIT", 0, MOST_SWEPT)
  for n = 1, #late, 2 do
    local task = read_task(late[n], "state", "lease_ms")
    local length = whole(task and task[2], lease)
    if tonumber(late[n + 1]) > NOW + math.max(length, 2 * LONGEST_AWAY) then
      call("ZADD", leases_key(), I(NOW + length), late[n])
    end
  end
end

-- Once in the length of a lease, beginning with the second call.
local function sweep(lease)
  local last = whole(call("HGET", globals__key(), "swept_at"), 0)
  if last <= NOW and NOW - last < lease then
    return
  end
  call("HSET", globals__key(), "swept_at", I(NOW))
  if last == 0 then
    return
  end
  shorten_leases(lease)
  for _, queue in ipairs(call("SRANDMEMBER", queues_key(), SWEPT)) do
    drop_unleased(running_key(queue))
    limits[queue] = nil
  end
  for _, key in ipairs(call("SRANDMEMBER", parked_keys_key(), SWEPT)) do
    drop_unleased(holders_key(key))
    unpark_tasks(key)
  end
end
