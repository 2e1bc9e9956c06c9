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

-- The numbers of all queues, the one with the lowest pass first, the first listed of equals.
local function line_up(passes, count)
  local line = {}
  for n = 1, count do
    line[n] = n
  end
  table.sort(line, function(a, b)
    return passes[a] < passes[b] or passes[a] == passes[b] and a < b
  end)
  return line
end

-- The number of the claimable queue with the lowest pass; nil when there is none. What is before
-- it leaves the line: nothing becomes claimable while a call claims.
local function lowest_pass(line, is_claimable)
  while line[1] and not is_claimable(line[1]) do
    table.remove(line, 1)
  end
  return line[1]
end

-- Put a queue where its pass belongs in a line of the others.
local function insert(line, passes, n)
  local low, high = 1, #line + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = line[middle]
    if passes[other] < passes[n] or passes[other] == passes[n] and other < n then
      low = middle + 1
    else
      high = middle
    end
  end
  table.insert(line, low, n)
end

-- The first of the line was served: it moves on.
local function serve(line, passes, weight)
  local n = table.remove(line, 1)
  passes.virtual = math.max(passes.virtual, passes[n])
  passes[n] = passes.virtual + math.max(math.floor(STRIDE / weight + 0.5), 1)
  passes.served[n] = true
  insert(line, passes, n)
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
