-- turns.lua: which queue is next, in the order that a worker was given.
--
-- A part of other scripts (`Uses`); needs prelude.lua and ready.lua.
-- Round robin and weighted order are stride scheduling: each queue has a pass, the lowest one is
-- served and moves on by STRIDE / weight. Passes lie in Redis, so the shares are exact for any
-- number of workers. A queue that was empty starts at the virtual time: it can't hoard turns.

local STRIDE = 720720 -- of weight 1; divisible by 1 to 16, so whole weights stay exact
local KEEP_PASSES_MS = 30 * 86400000

-- The number of the first claimable queue; nil when there is none.
local function first_listed(queues, is_claimable)
  for n = 1, #queues do
    if is_claimable(n) then
      return n
    end
  end
end

local function read_passes(order, queues)
  local stored = call("ZMSCORE", passes_key(order), "", unpack(queues))
  local passes = { order = order, virtual = whole(stored[1], 0), served = {} }
  for n = 1, #queues do
    passes[n] = whole(stored[n + 1], 0)
  end
  return passes
end

-- The number of the claimable queue with the lowest pass, the first listed of equals.
local function lowest_pass(passes, queues, is_claimable)
  local best
  for n = 1, #queues do
    if (not best or passes[n] < passes[best]) and is_claimable(n) then
      best = n
    end
  end
  return best
end

local function serve(passes, n, weight)
  passes.virtual = math.max(passes.virtual, passes[n])
  passes[n] = passes.virtual + math.max(math.floor(STRIDE / weight + 0.5), 1)
  passes.served[n] = true
end

local function write_passes(passes, queues)
  local key = passes_key(passes.order)
  for n in pairs(passes.served) do
    call("ZADD", key, I(passes[n]), queues[n])
  end
  if next(passes.served) then
    call("ZADD", key, I(passes.virtual), "")
    call("PEXPIRE", key, I(KEEP_PASSES_MS))
  end
end
