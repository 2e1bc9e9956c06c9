-- adoption.lua: a claim whose lease ran out, or that Redis forgot, while its worker held on to it.
--
-- A part of other scripts (`Uses`); needs waiting.lua and the parts that it needs.

local ADOPTABLE = { queued = true, delayed = true, blocked = true }

-- Whether Redis came back older than a claim, and nobody claimed anything since: claims are held.
-- Then the claim is the newest of its task, whatever the record says.
local function is_newest(stored, fence)
  return whole(stored, 0) < tonumber(fence)
    and is_ahead(whole(call("HGET", globals__key(), "hold_claims_until"), 0))
end

-- Whether a task is still that of this claim: nobody claimed it since.
-- task: {state, fence, nonce, finished} as stored.
local function is_adoptable(task, fence, nonce)
  if task[1] == "running" then -- by a claim that ended before this one began
    return is_newest(task[2], fence)
  end
  if not ADOPTABLE[task[1]] then
    return false
  end
  if whole(task[2], 0) < tonumber(fence) then
    return true -- Redis came back older than the claim
  end
  local ended = fence .. ":" .. nonce .. ":"
  return task[2] == fence and task[3] == nonce and string.sub(task[4], 1, #ended) ~= ended
end

-- Take a task out of where it stands, for the claim that held it all the time; a loss that was
-- counted is taken back. The caller puts it into an owning index or ends it.
-- task: {state, fence, queue, shape, lost, key} as stored.
local function take_back(id, fence, nonce, task)
  if task[1] == "running" then
    leave_running(id, task[3], read_task(id, "state", "worker")[2])
  else
    leave_waiting(id, { task[1], task[3], task[4], task[6] })
  end
  enter_state(id, task[1], "running")
  if task[2] == fence then -- its lease had run out
    call("HSET", task_key(id), "lost", I(math.max(whole(task[5], 0) - 1, 0)))
  end
  call("HSET", task_key(id), "state", "running", "nonce", nonce, "fence", fence)
end
