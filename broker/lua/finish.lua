-- finish.lua: end claims: for good, or to run once more.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, losing.lua, families.lua, waiting.lua, adoption.lua
-- Seldom   adopt, charge_loss, again, cancel_reason, unpark_tasks, count_child, parents_of, wake, tell_children, keep_result
-- KEYS[1]  prefix
-- ARGV[1]  retention    integer, ms; how long a final record stays
-- ARGV[2]  log ttl      integer, ms; how long the log of an ended attempt stays
-- ARGV[3]  most bytes of a result; a larger one is not kept, only its size
-- ARGV[4]  number of finishes, at most 200
-- then, for each
--   id, fence, nonce     as claim.lua gave them
--   outcome              succeeded | failed | errored | timed_out | cancelled
--                        | retry (charged: attempt + 1, after a delay) | release (uncharged)
--                        | lost (worker and process died: as if its lease had run out)
--   exit code            integer or ''
--   more                 0 | 1: the following are told too; else each is as in a plain success
--   reason               text or ''
--   delay                integer, ms; of a retry
--   result               bytes or ''
--   isolation            0 to 4: from whom it must be kept apart from now on; '': as it is
--   retry                its policy from now on; '': as it is
--
-- Returns  for each: 1 applied | 0 applied before with this claim and outcome: a safe replay
--          | -1 no such task | -2 fenced: another claim holds it, or it ended otherwise.
--          A claim whose lease ran out, or that Redis forgot, counts until somebody else claims.
-- Writes   when -2, of an older claim: an event `fenced`, one after each claim at most, so that
--          nobody floods the stream; and `fenced`. Else nothing unless 1. The task leaves lease,
--          run: and wt:. isolation and retry, where told. Final: state, finished_ms, finished,
--          exit_code (where known), x: reason, done, arc, by:state:, r: (x: result_dropped,
--          result_until_ms); children are told. Else back into its own place, or delayed. A task
--          that is to be cancelled is not run once more: it becomes cancelled. Lost: as tick.lua
--          does it; a loss that was counted when the lease ran out is not counted again. Ends and
--          what their claims lasted are counted in qstat:.
--          Where a command fails, as of a key of another type, the call is an error, and each task
--          has ended with all that belongs to its end, or is still to be finished by the same call.
-- Cost     O(finishes log N); four commands for each, beside some for all of them together

local retention, log_ttl, most = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local finish_count = tonumber(ARGV[4])
local ENDS = {
  succeeded = true, failed = true, errored = true, timed_out = true, cancelled = true,
  retry = true, release = true, lost = true,
}
local firsts, at = {}, 5 -- number of a finish -> that of its first argument
for n = 1, finish_count do
  if not ENDS[ARGV[at + 3]] then
    return redis.error_reply("ERR no such outcome: " .. ARGV[at + 3])
  end
  firsts[n] = at
  at = at + (ARGV[at + 5] == "1" and 11 or 6)
end

-- What one command writes or removes for all tasks of the call, at its end.
local leases, runs_of, held_by, logs, results = {}, {}, {}, {}, {}
local ends, is_ending, failure = {}, {}, nil -- of tasks; by id; the first error

local function remove_later(lists, key, id)
  local list = lists[key]
  if list then
    list[#list + 1] = id
  else
    lists[key] = { id }
  end
end

local fences = {} -- as told -> as it stands in the name of a log: most tasks run once

local function fence_of(told)
  local fence = fences[told]
  if not fence then
    fence = I(whole(told, 0))
    fences[told] = fence
  end
  return fence
end

-- As leave_running(), at the end of the call. Of a queue with max_running at once: its running tasks
-- are counted meanwhile.
local function leave(id, queue, worker, key)
  leases[#leases + 1] = id
  remove_later(held_by, held_key(worker), id)
  if limits_of(queue).room == math.huge then
    remove_later(runs_of, running_key(queue), id)
  else
    call("ZREM", running_key(queue), id)
    limits[queue] = nil -- to be counted again
  end
  unhold(id, key)
end

-- Nothing is in a key of another type, so nothing stops what follows.
local function write_rest()
  if #leases > 0 then
    try("ZREM", leases_key(), unpack(leases))
  end
  for key, ids in pairs(runs_of) do
    try("ZREM", key, unpack(ids))
  end
  for key, ids in pairs(held_by) do
    try("SREM", key, unpack(ids))
  end
  if #logs > 0 and call("EXISTS", unpack(logs)) > 0 then
    for _, log in ipairs(logs) do
      call("PEXPIRE", log, log_ttl)
    end
  end
end

-- standing: {shape, order, attempt} as stored.
local function again(id, queue, standing, outcome, delay, reason, token)
  local attempt = whole(standing[3], 1) + (outcome == "retry" and 1 or 0)
  call("HSET", task_key(id), "finished", token, "attempt", I(attempt))
  call("HDEL", task_key(id), "worker", "phase", "started_ms")
  count(queue, outcome == "retry" and "retried" or "released")
  if delay > 0 then
    call("HSET", task_key(id), "state", "delayed")
    call("ZADD", delayed_key(), I(NOW + delay), id)
    event(id, outcome, reason, "state", "delayed", "queue", queue)
    wake_after_end(queue)
  else
    event(id, outcome, reason, "state", "queued", "queue", queue)
    make_ready(id, queue, standing[1], standing[2])
  end
end

local function keep_result(id, result)
  local ttl = whole(try("HGET", task_key(id), "result_ttl_ms"), 0)
  if #result > most then
    try("HSET", extra_key(id), "result_dropped", I(#result))
  elseif ttl > 0 then
    call("SET", result_key(id), result, "PX", I(ttl))
    try("HSET", extra_key(id), "result_until_ms", I(NOW + ttl))
  else
    results[#results + 1] = result_key(id)
    results[#results + 1] = result
  end
end

-- Tell that an older claim was told to have ended: its worker was away, and knows no better.
local function tell_fenced(id, queue, newest, fence, told, outcome)
  local older = whole(fence, 0)
  if older < 1 or older >= whole(newest, 0) or told == newest then
    return
  end
  call("HSET", task_key(id), "fenced", newest)
  event(id, "fenced", outcome .. " of claim " .. I(older), "queue", queue, "fence", I(older),
    "outcome", outcome)
end

-- The end of a claim that the record does not name. Return a code when nothing is left to do; nil
-- when it was lost but taken by nobody, and so counts: the work is done.
local function adopt(id, task, fence, nonce, outcome, token)
  local more = read_task(id, "state", "finished", "shape", "lost", "fenced")
  if more[2] == token then
    return 0
  end
  if not is_adoptable({ task[1], task[2], task[3], more[2] }, fence, nonce) then
    tell_fenced(id, task[4], task[2], fence, more[5], outcome)
    return -2
  end
  if outcome == "lost" and task[2] == fence then -- its lease ran out before: it was charged
    call("HSET", task_key(id), "finished", token)
    return 1
  end
  take_back(id, fence, nonce, { task[1], task[2], task[4], more[3], more[4], task[7] })
end

local function note(id, field, value)
  if value ~= "" then
    call("HSET", task_key(id), field, value)
  end
end

local function finish(id, fence, nonce, outcome, exit_code, reason, delay, result, isolation, retry)
  local task = read_task(id, "state", "fence", "nonce", "queue", "worker", "started_ms", "key",
    "unique", "parents", "phase")
  if not task then
    return -1
  end
  local queue, token = task[4], fence .. ":" .. nonce .. ":" .. outcome
  if task[1] ~= "running" or task[2] ~= fence or task[3] ~= nonce then
    local code = adopt(id, task, fence, nonce, outcome, token)
    if code then
      return code
    end
  end
  note(id, "isolation", isolation)
  note(id, "retry", retry)
  local log = log_key(id, fence_of(fence))
  if outcome == "lost" then
    leave(id, queue, task[5], task[7])
    logs[#logs + 1] = log
    call("HSET", task_key(id), "finished", token)
    charge_loss(id, reason, retention)
    return 1
  end
  local standing
  if outcome == "retry" or outcome == "release" then
    local stored = read_task(id, "state", "shape", "order", "attempt", "cancel")
    standing = { stored[2], stored[3], stored[4] }
    if stored[5] ~= "" then
      outcome, standing = "cancelled", nil
    end
  end
  if outcome == "cancelled" then
    reason = cancel_reason(id, reason)
  end
  local started = tonumber(task[6])
  if started and outcome ~= "release" then
    count_run(queue, NOW - started)
  end
  if standing then
    leave(id, queue, task[5], task[7])
    logs[#logs + 1] = log
    again(id, queue, standing, outcome, outcome == "retry" and delay or 0, reason, token)
    return 1
  end
  if result ~= "" then
    keep_result(id, result)
  end
  gather_end(id, outcome, retention, queue)
  is_ending[id] = true
  ends[#ends + 1] = {
    task, log, id, { "running", task[8], task[9], task[10] }, outcome, reason, queue,
    "finished", token, exit_code ~= "" and "exit_code" or nil, exit_code ~= "" and exit_code or nil,
  }
  return 1
end

-- Note the first error. Return what a function returned otherwise.
local function shielded(action, ...)
  local is_done, answer = pcall(action, ...)
  if not is_done then
    failure = failure or answer
  end
  return is_done, answer
end

local function write_shared()
  if #results > 0 then
    call("MSET", unpack(results))
  end
  results = {}
  add_gathered()
end

local function write_one(task, log, id, known, outcome, reason, queue, ...)
  write_end(id, known, outcome, reason, queue, ...)
  leave(id, queue, task[5], task[7])
  logs[#logs + 1] = log
  wake_after_end(queue)
end

-- A task is final in its record only after all that finds it, and what it returned, is there: once
-- it is, the same call answers 0.
local function write_ends()
  if shielded(write_shared) then
    for _, each in ipairs(ends) do
      shielded(write_one, unpack(each))
    end
  end
  ends, is_ending = {}, {}
end

local codes = {}
for n, first in ipairs(firsts) do
  local id, fence, nonce, outcome, exit_code, more = unpack(ARGV, first, first + 5)
  if is_ending[id] then -- told twice in one call
    write_ends()
  end
  local _
  if more == "1" then
    local reason, delay, result, isolation, retry = unpack(ARGV, first + 6, first + 10)
    _, codes[n] = shielded(finish, id, fence, nonce, outcome, exit_code, reason, tonumber(delay),
      result, isolation, retry)
  else
    _, codes[n] = shielded(finish, id, fence, nonce, outcome, exit_code, "", 0, "", "", "")
  end
end
write_ends()
write_rest()
shielded(fan_out, 200, retention)
if failure then
  error(failure, 0)
end
return codes
