-- finish.lua: end claims: for good, or to run once more.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, endings.lua, losing.lua, families.lua, waiting.lua, adoption.lua
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
--          nobody floods the stream; and `fenced`. Else nothing unless 1. The task leaves lease, run: and wt:. Final: state, finished_ms,
--          exit_code, isolation, retry, x: reason, done, r: (x: result_dropped, result_until_ms); children are told. Else back into
--          its own place, or delayed. A task that is to be cancelled is not run once more: it
--          becomes cancelled. Lost: as tick.lua does it; a loss that was counted when the lease
--          ran out is not counted again. Ends and what their claims lasted are counted in qstat:.
-- Cost     O(finishes log N)

local retention, log_ttl, most = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local finish_count = tonumber(ARGV[4])
local ENDS = {
  succeeded = true, failed = true, errored = true, timed_out = true, cancelled = true,
  retry = true, release = true, lost = true,
}
for n = 0, finish_count - 1 do
  if not ENDS[ARGV[8 + 10 * n]] then
    return redis.error_reply("ERR no such outcome: " .. ARGV[8 + 10 * n])
  end
end

local function again(id, task, outcome, delay, reason, token)
  local queue = task[4]
  local attempt = whole(task[9], 1) + (outcome == "retry" and 1 or 0)
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
    make_ready(id, queue, task[5], task[6])
  end
end

local function keep_result(id, result, ttl)
  if #result > most then
    try("HSET", extra_key(id), "result_dropped", I(#result))
  elseif #result > 0 and ttl > 0 then
    call("SET", result_key(id), result, "PX", I(ttl))
    try("HSET", extra_key(id), "result_until_ms", I(NOW + ttl))
  elseif #result > 0 then
    call("SET", result_key(id), result)
  end
end

-- Tell that an older claim was told to have ended: its worker was away, and knows no better.
local function tell_fenced(id, task, fence, outcome)
  local older = whole(fence, 0)
  if older < 1 or older >= whole(task[2], 0) or task[15] == task[2] then
    return
  end
  call("HSET", task_key(id), "fenced", task[2])
  event(id, "fenced", outcome .. " of claim " .. I(older), "queue", task[4], "fence", I(older),
    "outcome", outcome)
end

local function note(id, field, value)
  if value ~= "" then
    call("HSET", task_key(id), field, value)
  end
end

local function finish(id, fence, nonce, outcome, exit_code, reason, delay, result, isolation, retry)
  local task = read_task(id, "state", "fence", "nonce", "queue", "shape", "order", "worker",
    "cancel", "attempt", "finished", "lost", "key", "result_ttl_ms", "started_ms", "fenced")
  if not task then
    return -1
  end
  local token = fence .. ":" .. nonce .. ":" .. outcome
  if task[10] == token then
    return 0
  end
  if task[1] ~= "running" or task[2] ~= fence or task[3] ~= nonce then
    -- The end of a claim that was lost but taken by nobody counts: the work is done.
    if not is_adoptable({ task[1], task[2], task[3], task[10] }, fence, nonce) then
      tell_fenced(id, task, fence, outcome)
      return -2
    end
    if outcome == "lost" and task[2] == fence then -- its lease ran out before: it was charged
      call("HSET", task_key(id), "finished", token)
      return 1
    end
    take_back(id, fence, nonce, { task[1], task[2], task[4], task[5], task[11], task[12] })
  end
  note(id, "isolation", isolation)
  note(id, "retry", retry)
  leave_running(id, task[4], task[7])
  age_log(id, fence, log_ttl)
  if outcome == "lost" then
    call("HSET", task_key(id), "finished", token)
    charge_loss(id, reason, retention)
    return 1
  end
  if task[8] ~= "" and (outcome == "retry" or outcome == "release") then
    outcome = "cancelled"
  end
  if outcome == "cancelled" then
    reason = cancel_reason(id, reason)
  end
  local started = tonumber(task[14])
  if started and outcome ~= "release" then
    count_run(task[4], NOW - started)
  end
  if outcome == "retry" or outcome == "release" then
    again(id, task, outcome, outcome == "retry" and delay or 0, reason, token)
  else
    keep_result(id, result, whole(task[13], 0))
    finalize(id, outcome, reason, retention, task[4], "finished", token, "exit_code", exit_code)
    wake_after_end(task[4])
  end
  return 1
end

local codes = {}
for n = 0, finish_count - 1 do
  local at = 5 + 10 * n
  codes[n + 1] = finish(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4],
    ARGV[at + 5], tonumber(ARGV[at + 6]), ARGV[at + 7], ARGV[at + 8], ARGV[at + 9])
end
fan_out(200, retention)
return codes
