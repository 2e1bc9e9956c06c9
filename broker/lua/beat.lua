-- beat.lua: a worker lives, and keeps its leases.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, families.lua, waiting.lua, adoption.lua, parking.lua, commands.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
-- ARGV[2]  ttl         integer, ms; how long the worker counts as alive
-- ARGV[3]  is_last     1: last part of a whole beat; what it does not list is missed
-- ARGV[4]  profile     under which the worker is parked, or ''
-- ARGV[5]  log ttl     integer, ms; of an attempt that is given back
-- ARGV[6]  retention   integer, ms; how long a final record stays
-- ARGV[7]  least       integer, ms; what is renewed now lasts at least so long
-- ARGV[8]  number of facts, then field, value.. for wk:<worker>
-- then     number of leases, at most 256, then for each: id, fence, nonce
--
-- Returns  {now, lost, cancels, given_back, is_ticker, shapes, is_parked, command, labels, missing}
--          lost        ids that another claim holds, or that ended
--          missing     ids that have no record at all
--          cancels     id, grace (ms or `default`), id, grace ..
--          given_back  ids that two whole beats did not list: their claim never arrived
--          is_ticker   1: this worker ticks for the next ten seconds, or a sixth of `ttl` if that is less
--          is_parked   0: not under `profile`, or no longer: it was woken, forgotten or passed over
--          command     field, value .. of !cmd:<worker>: command, who, at_ms, paused, paused_who ..
--          labels      name, value .. of !lbl:<worker>
-- Writes   the leases of what is held; re-adopts a task that nobody claimed since its lease was
--          lost or Redis came back older (a loss that was counted is taken back). Right after Redis
--          came back older also one that it believes to run elsewhere, or to have no room beside
--          others of its key.
-- Cost     O(leases log N); one command for each lease, beside some for all of them together

local worker, ttl, is_last, profile = ARGV[1], tonumber(ARGV[2]), ARGV[3] == "1", ARGV[4]
local log_ttl, retention, least = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local first_lease = 10 + 2 * tonumber(ARGV[8])
local lease_count = tonumber(ARGV[first_lease - 1])
local MOST_HELD = 1024
-- Two ticks are further apart than half a lease only where nobody could tick: see tick.lua.
local TICKER_MS = math.min(10000, math.floor(ttl / 6))
local lost, missing, cancels, given_back, renewed = {}, {}, {}, {}, 0

local function renew(id, length)
  gather(leases_key(), I(NOW + math.max(whole(length, ttl), least)), id)
  renewed = renewed + 1
end

-- Take back a task that is not, or no longer, told to be this claim's. Whether it still was.
-- task: {state, fence, nonce} as stored.
local function adopt(id, fence, nonce, task)
  local more = read_task(id, "state", "queue", "shape", "finished", "lost", "key", "key_limit")
  local queue, key = more[2], more[6]
  local is_ours = is_adoptable({ task[1], task[2], task[3], more[4] }, fence, nonce)
  if not is_ours or not has_room(key, more[7], id) and not is_newest(task[2], fence) then
    return false
  end
  take_back(id, fence, nonce, { task[1], task[2], queue, more[3], more[5], key })
  hold(id, key)
  call("HSET", task_key(id), "worker", worker, "started_ms", I(NOW))
  call("ZADD", running_key(queue), I(NOW), id)
  call("SADD", held_key(worker), id)
  call("PERSIST", log_key(id, fence))
  limits[queue] = nil
  event(id, "readopted", worker, "state", "running", "queue", queue, "worker", worker,
    "fence", fence)
  return true
end

local function keep(id, fence, nonce)
  local task = read_task(id, "state", "fence", "nonce", "lease_ms", "cancel")
  if not task then
    local told = call("EXISTS", task_key(id)) == 0 and missing or lost
    told[#told + 1] = id
    return
  end
  local is_held = task[1] == "running" and task[2] == fence and task[3] == nonce
  if not is_held and not adopt(id, fence, nonce, task) then
    lost[#lost + 1] = id
    return
  end
  renew(id, task[4])
  if task[5] ~= "" then
    cancels[#cancels + 1] = id
    cancels[#cancels + 1] = task[5]
  end
end

-- Put a task that this worker never heard of back into its own place, uncharged.
local function give_back(id)
  local task = read_task(id, "state", "fence", "nonce", "queue", "shape", "order", "cancel")
  if not task or task[1] ~= "running" then
    call("SREM", held_key(worker), id)
    return
  end
  leave_running(id, task[4], worker)
  age_log(id, task[2], log_ttl)
  call("HSET", task_key(id), "finished", task[2] .. ":" .. task[3] .. ":given_back")
  call("HDEL", task_key(id), "worker", "phase", "started_ms")
  given_back[#given_back + 1] = id
  if task[7] ~= "" then
    finalize(id, "cancelled", cancel_reason(id, ""), retention, task[4])
    fan_out(200, retention)
    wake_after_end(task[4])
    return
  end
  count(task[4], "released")
  event(id, "given_back", worker, "state", "queued", "queue", task[4], "worker", worker)
  make_ready(id, task[4], task[5], task[6])
end

-- A lease that was renewed (or claimed) before the beat before the last one ended was listed by
-- neither of the two beats since.
local function give_back_if_unlisted(id, before)
  local deadline = whole(call("ZSCORE", leases_key(), id), 0)
  local task = read_task(id, "state", "lease_ms")
  if not task or deadline - whole(task[2], ttl) < before then
    give_back(id)
  end
end

-- Of a worker that holds thousands, most of them are found by their leases, which end sooner than
-- those that were renewed since.
local function give_back_unlisted(before)
  local soon = call("ZRANGEBYSCORE", leases_key(), "-inf", "(" .. I(before + ttl), "LIMIT", 0,
    MOST_HELD)
  for _, id in ipairs(soon) do
    if call("SISMEMBER", held_key(worker), id) == 1 then
      give_back_if_unlisted(id, before)
    end
  end
  for _, id in ipairs(call("SRANDMEMBER", held_key(worker), MOST_HELD)) do
    give_back_if_unlisted(id, before)
  end
end

local told = call("HMGET", worker_key(worker), "beat_ended", "beat_ended_before", "renewed")
keep_commands(worker)
call("ZADD", workers_key(), I(NOW + ttl), worker)
call("HSET", worker_key(worker), "beat_ms", I(NOW), unpack(ARGV, 9, first_lease - 2))
local is_parked = 0
-- One whose time there ran out was passed over meanwhile: it asks again.
if profile ~= "" and whole(call("ZSCORE", idle_key(profile), worker), 0) > NOW then
  is_parked = 1
  call("ZADD", idle_key(profile), I(NOW + ttl), worker)
  keep_profile(profile)
end
for n = 0, lease_count - 1 do
  local at = first_lease + 3 * n
  keep(ARGV[at], ARGV[at + 1], ARGV[at + 2])
end
add_gathered()
renewed = renewed + whole(told[3], 0)
if is_last then
  local ended, before = whole(told[1], 0), whole(told[2], 0)
  -- Not where the clock was set back since: then all that was renewed just now looks old.
  local is_in_order = 0 < before and before <= ended and ended <= NOW
  if is_in_order and call("SCARD", held_key(worker)) > renewed then
    give_back_unlisted(before)
    flush_counts()
  end
  call("HSET", worker_key(worker), "renewed", "0", "beat_ended", I(NOW),
    "beat_ended_before", I(ended))
else
  call("HSET", worker_key(worker), "renewed", I(renewed))
end

local ticker = call("HMGET", globals__key(), "ticker", "ticker_until")
local is_ticker, elected_until = 0, whole(ticker[2], 0)
if ticker[1] == worker or elected_until <= NOW or elected_until > NOW + TICKER_MS then
  is_ticker = 1
  call("HSET", globals__key(), "ticker", worker, "ticker_until", I(NOW + TICKER_MS))
end
return {
  NOW, lost, cancels, given_back, is_ticker, call("HLEN", shapes_key()), is_parked,
  call("HGETALL", command_key(worker)), call("HGETALL", worker_labels_key(worker)),
  missing,
}
