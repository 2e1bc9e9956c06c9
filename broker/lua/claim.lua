-- claim.lua: take ready tasks for one worker, and park it where fewer are ready than it has room for.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, fronts.lua, turns.lua, parking.lua, commands.lua, describing.lua
-- Seldom   block, park, unpark, read_passes, line_up, lowest_pass, serve, write_passes, pass_on, rest_of, remember
-- KEYS[1]  prefix
-- ARGV[1]  worker
-- ARGV[2]  nonce         made for this call; the same one asks again for the same answer
-- ARGV[3]  limit         of tasks, 1 to 200
-- ARGV[4]  lease         integer, ms; for parking, and for tasks without a lease of their own
-- ARGV[5]  mode          priority (first queue with a task) | stride (round robin, weighted)
-- ARGV[6]  order         id under which the stride passes are kept
-- ARGV[7]  profile       id to park under when fewer are ready than the limit; '': don't park
-- ARGV[8]  envelope      integer, bytes; a larger one is answered as ''
-- ARGV[9]  number of queues, 1 to 256
-- ARGV[10] number of shapes; those that fit the worker just now
-- then the queues, their weights, the shapes
--
-- Returns  {now, due, again, parked, shapes, held_until, kinds, tasks}
--          due         when the next delayed task is due (ms), 0: none
--          again       1: gave up at a bound, ask again at once
--          shapes      number of shapes in the namespace
--          held_until  ms; no claims until then after a restart of Redis. 0: none
--          kinds       list of {queue, shape, definition, name, user}: what tasks share
--          tasks       list of {id, fence, number of its kind, envelope, order, created, rest}
--          rest        '' or {attempt, lease, priority, lost, timeout, retry, max_lost, unique,
--                      key, key_limit, result_ttl, queue_timeout, isolation}: what few tasks have,
--                      as stored, each '' where it has none
-- Writes   a claimed task leaves its ready set for lease, run: and wt:; fence + 1. A member of a
--          ready set without a queued task behind it is dropped, with an event `ghost`.
--          A task whose concurrency key is full leaves it too: it is blocked.
--          Claims and what their tasks waited are counted in qstat:.
--          Whoever was woken for a queue and shape and takes none of it hands the wake-up on.
-- Cost     O(queues x shapes + limit log N); six commands for each task, beside some for all of
--          them together

local worker, nonce, limit, lease = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local strides, order, profile = ARGV[5] == "stride", ARGV[6], ARGV[7]
local most, queue_count, shape_count = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local queues, weights, shapes = {}, {}, {}
for n = 1, queue_count do
  queues[n], weights[n] = ARGV[10 + n], tonumber(ARGV[10 + queue_count + n])
end
for n = 1, shape_count do
  shapes[n] = ARGV[10 + 2 * queue_count + n]
end
local held_until = whole(call("HGET", globals__key(), "hold_claims_until"), 0)
if not is_ahead(held_until) then
  held_until = 0
end
local tasks, ids, again, parked = {}, {}, 0, 0

local function answer()
  local due = call("ZRANGE", delayed_key(), 0, 0, "WITHSCORES")[2]
  return { NOW, whole(due, 0), again, parked, call("HLEN", shapes_key()), held_until, kinds, tasks }
end

local told = call("HMGET", worker_key(worker), "claim_nonce", "parked", "woken")
if told[1] == nonce then -- the answer was lost on the way: give it again
  for _, id in ipairs(call("SMEMBERS", held_key(worker))) do
    local task = read_description(id)
    if task and task[1] == "running" and task[15] == nonce then
      tasks[#tasks + 1] = describe(id, task, whole(task[4], 0), most)
    end
  end
  if #tasks > 0 then
    return answer()
  end
end
if told[2] then
  unpark(worker, told[2])
end
if held_until > 0 or is_held_back(worker) then
  return answer()
end

local now, deadline = I(NOW), I(NOW + lease)
local claims, deadlines, expiring = {}, {}, {}

-- Take the first task of a front, if it may run. Return whether it may.
local function take_first(front)
  local id = pop_front(front)
  local task = read_description(id)
  if not task or task[1] ~= "queued" or task[2] ~= front.queue or task[3] ~= front.shape then
    publish(id, "ghost", "queue", front.queue, "state", task and task[1] or "missing")
    return false
  end
  if task[10] then
    if not has_room(task[17], task[18], id) then
      block(id, front.queue, task[17], task[8])
      return false
    end
    hold(id, task[17])
    if task[23] ~= "" then
      expiring[#expiring + 1] = id
    end
  end
  local limits = limits_of(front.queue)
  limits.room = limits.room - 1
  local at, running = #ids + 1, #front.runs
  front.runs[running + 1], front.runs[running + 2] = now, id
  deadlines[2 * at - 1] = task[10] and I(NOW + whole(task[11], lease)) or deadline
  deadlines[2 * at] = id
  ids[at], claims[at] = id, task
  return true
end

-- Whether none of the tasks has a history yet, as is usual.
local function are_new()
  local names = {}
  for n, id in ipairs(ids) do
    names[n] = history_key(id)
  end
  return call("EXISTS", unpack(names)) == 0
end

local claimed = now .. " claimed " .. worker
local firsts = {} -- created_ms -> the first line of a history

local function remember_claim(id, created, is_new)
  if not is_new then
    remember(id, claimed, created)
    return
  end
  local first = firsts[created]
  if not first then
    first = I(whole(created, NOW)) .. " enqueued"
    firsts[created] = first
  end
  call("RPUSH", history_key(id), first, claimed)
end

local waits_since = {} -- text -> ms: tasks of one queue mostly came together

-- For how long a task was ready: since it became ready once more, else since it was made.
local function wait_of(queued, created)
  local since = queued and queued ~= "" and queued or created
  local wait = waits_since[since]
  if wait == nil then
    local time = tonumber(since) or tonumber(created)
    wait = time and NOW - time or false
    waits_since[since] = wait
  end
  return wait
end

local function write_claims()
  local is_new = are_new()
  for n, id in ipairs(ids) do
    local task = claims[n]
    local fence, queue = task[4] == "" and 1 or whole(task[4], 0) + 1, task[2]
    local fence_text = I(fence)
    call("HSET", task_key(id), "state", "running", "worker", worker, "nonce", nonce,
      "fence", fence_text, "started_ms", now)
    local wait = wait_of(task[19], task[9])
    if wait then
      count_wait(queue, wait)
    end
    publish(id, "claimed", "state", "running", "queue", queue, "worker", worker,
      "fence", fence_text)
    remember_claim(id, task[9], is_new)
    tasks[n] = describe(id, task, fence, most)
  end
  call("SADD", held_key(worker), unpack(ids))
  if #expiring > 0 then
    call("ZREM", deadlines_key(), unpack(expiring))
  end
  call("ZADD", workers_key(), "NX", I(NOW + lease), worker)
  call("HSET", worker_key(worker), "claim_nonce", nonce)
  for _, front in ipairs(fronts_in_order) do
    if #front.runs > 0 then
      count(front.queue, "claimed", #front.runs / 2)
    end
  end
  flush_counts()
end

local ready = {} -- number of a queue -> those of the shapes of which it has a ready task
local passes = strides and read_passes(order, queues)
local line = passes and line_up(passes, queue_count)
local bound = limit + 50 + queue_count

local function is_claimable(n)
  if not ready[n] then
    read_ready(ready, queues, shapes, n)
  end
  return #ready[n] > 0 and limits_of(queues[n]).room > 0
end

while #ids < limit do
  local n
  if passes then
    n = lowest_pass(line, is_claimable)
  else
    n = first_listed(queues, is_claimable)
  end
  if not n or bound == 0 then
    again = n and 1 or 0
    break
  end
  bound = bound - 1
  local front = soonest_front(queues[n], ready[n], limit - #ids)
  if not front then
    ready[n] = {}
  elseif passes then
    if take_first(front) then
      serve(line, passes, weights[n] * limits_of(queues[n]).weight)
    end
  else
    take_first(front)
    -- Of a queue with one shape, all that was read comes before whatever else there is.
    local is_alone, limits = #ready[n] == 1, limits_of(queues[n])
    while is_alone and #ids < limit and front.read[front.at] and limits.room > 0 and bound > 0 do
      bound = bound - 1
      take_first(front)
    end
  end
end
if #ids > 0 then
  call("ZADD", leases_key(), unpack(deadlines)) -- first: whatever happens, tick.lua finds them
end
leave_fronts()
if #ids > 0 then
  write_claims()
  if passes then
    write_passes(passes, queues)
  end
end
-- Also behind tasks that it took: as it has room for more than them, the same shapes still fit.
if #ids < limit and again == 0 and profile ~= "" then
  if #ids == 0 then
    call("ZADD", workers_key(), "NX", I(NOW + lease), worker)
  end
  park(worker, profile, queues, shapes, lease)
  parked = 1
end
local queue, shape = read_woken(told[3])
if queue and #front_of(queue, shape).runs == 0 then -- it found something sooner
  pass_on(queue, shape)
end
return answer()
