-- holds.lua: concurrency keys: at most so many tasks that share a key run at one time.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua and states.lua.
-- hold:<key> is touched only together with `lease`. A task whose key is full when it would be
-- claimed is blocked: parked under its key, in its order. Whoever stops to wait or to run calls
-- unpark_tasks(), or those that are parked behind it would wait for ever.

local MOST_UNPARKED = 64

-- Whether a task may run beside the others of its key. It may if it does already.
local function has_room(key, limit, id)
  if key == "" then
    return true
  end
  local holders = holders_key(key)
  return call("ZCARD", holders) < math.max(whole(limit, 1), 1) or call("ZSCORE", holders, id)
end

local function hold(id, key)
  if key ~= "" then
    call("ZADD", holders_key(key), I(NOW), id)
  end
end

local function drop_parked(id, key)
  call("ZREM", parked_tasks_key(key), id)
  if call("EXISTS", parked_tasks_key(key)) == 0 then
    call("SREM", parked_keys_key(), key)
  end
end

-- Park a task that stood in a ready set and left it. `order` is what its record holds.
local function block(id, queue, key, order)
  call("HSET", task_key(id), "state", "blocked")
  call("ZADD", parked_tasks_key(key), I(sound_order(order)), id)
  call("SADD", parked_keys_key(), key)
  enter_state(id, "queued", "blocked")
  event(id, "blocked", key, "state", "blocked", "queue", queue)
end

-- Put as many parked tasks back into their queues as may run now, the soonest first.
local function unpark_tasks(key)
  if key == "" or call("EXISTS", parked_tasks_key(key)) == 0 then
    return
  end
  local held, unparked = call("ZCARD", holders_key(key)), 0
  for _, id in ipairs(call("ZRANGE", parked_tasks_key(key), 0, MOST_UNPARKED - 1)) do
    local task = read_task(id, "state", "queue", "shape", "order", "key", "key_limit")
    if not task or task[1] ~= "blocked" or task[5] ~= key then
      drop_parked(id, key)
    elseif held + unparked >= math.max(whole(task[6], 1), 1) then
      return
    else
      drop_parked(id, key)
      enter_state(id, "blocked", "queued")
      event(id, "unblocked", key, "state", "queued", "queue", task[2])
      put_ready(id, task[2], task[3], task[4])
      unparked = unparked + 1
    end
  end
end

-- A task stops to run: others of its key may.
local function unhold(id, key)
  if key ~= "" then
    call("ZREM", holders_key(key), id)
    unpark_tasks(key)
  end
end
