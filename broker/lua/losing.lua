-- losing.lua: what becomes of a task whose claim came to nothing: its worker, or all of it, died.
--
-- A part of other scripts (`Uses`); needs endings.lua and the parts that it needs.

local LONGEST_WAIT = 20 -- doublings of a second
local GOOD_RUN = 600000 -- ms

-- Put a task back into its own place (first loss), or delay it (later ones).
local function put_back(id, queue, shape, order, lost)
  call("HDEL", task_key(id), "worker", "phase", "started_ms")
  if lost <= 1 then
    make_ready(id, queue, shape, order)
    return
  end
  call("HSET", task_key(id), "state", "delayed")
  call("ZADD", delayed_key(), I(NOW + 1000 * 2 ^ math.min(lost, LONGEST_WAIT)), id)
end

-- Charge a loss to a task that has just left the running set, and decide what comes next.
-- reason: told by the worker that found it, or '': its lease ran out.
local function charge_loss(id, reason, retention)
  local task = read_task(id, "fence", "worker", "queue", "shape", "order", "cancel", "lost",
    "max_lost", "retry", "started_ms")
  local worker, queue, lost = task[2], task[3], whole(task[7], 0) + 1
  -- A service runs for years (see restarts.py): losses that lie far apart are no fault of its own.
  if string.sub(task[9], 1, 8) == "restart " and NOW - whole(task[10], NOW) >= GOOD_RUN then
    lost = 1
  end
  call("HSET", task_key(id), "lost", I(lost))
  count(queue, "lost")
  event(id, "lost", reason == "" and worker or worker .. " " .. reason, "queue", queue,
    "worker", worker, "fence", task[1])
  if task[6] ~= "" then
    finalize(id, "cancelled", cancel_reason(id, ""), retention, queue)
  elseif lost > whole(task[8], 3) then
    call("ZADD", dead_key(), I(NOW), id)
    finalize(id, "dead", "its lease was lost " .. I(lost) .. " times", retention, queue)
  else
    put_back(id, queue, task[4], task[5], lost)
  end
  wake_after_end(queue)
end
