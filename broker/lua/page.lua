-- page.lua: ids of the newest tasks that a filter accepts, older than a given one.
--
-- Uses     states.lua, sources.lua
-- KEYS[1]  prefix
-- ARGV[1]  before     id, itself not wanted; '': from the newest on
-- ARGV[2]  limit      1 to 1000
-- ARGV[3]  bound      of ids to look at; the read that passes it is still finished
-- ARGV[4]  queue      or '': any
-- ARGV[5]  number of indices, then field, value.. of each: all of them must have the task
-- then     number of states, then the states: one of them must be the task's. 0: any
--
-- Returns  {ids, before}: newest first. before: where to go on, '' at the end. With fewer than
--          `limit` ids it says that the bound was reached.
-- Writes   nothing: EVALSHA_RO may run it.
-- Cost     O((limit + jumps) log N). The smallest index leads; where a run of its ids fits
--          nowhere, each index jumps to the next id that all of them could have. Few queued,
--          delayed and running tasks are read from what owns them, at most 10 000; of many it is
--          asked which indices have the candidates.

local before, limit, bound = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local queue, next_argument = ARGV[4], 6 + 2 * tonumber(ARGV[5])
local MOST_OWNED, MOST_READ, MOST_MERGED, FIRST_READ = 10000, 256, 64, 16
local filters, states = {}, {} -- sources; state -> whether it is wanted
local wanted, unwanted = {}, {} -- indices of states
local looked = 0

-- From where on all sources could have an id in common, nil when they have none; and whether
-- ids of the first one were passed over.
local function jump(sources, upper, is_sifted)
  local first
  for _, source in ipairs(sources) do
    local id = newest(source, upper, 1)[1]
    if not id then
      return nil
    end
    first = first or id
    upper, looked = "[" .. id, looked + 1
  end
  if is_sifted and #unwanted > 0 then
    local id, counted = newest_outside(unwanted, upper)
    if not id then
      return nil
    end
    upper, looked = "[" .. id, looked + counted
  end
  return upper, upper ~= "[" .. first
end

-- What all sources have in common, and where to go on. sift: function that drops ids of other
-- states, nil: the sources tell the state.
local function walk(sources, sift)
  table.sort(sources, function(a, b) return a.size < b.size end)
  local upper, count, is_far = before == "" and "+" or "(" .. before, FIRST_READ, false
  local found, last = {}, before
  local most = #sources[1].keys == 1 and MOST_READ or MOST_MERGED
  while looked < bound do
    local run = newest(sources[1], upper, count)
    local kept = run
    for n = 2, #sources do
      kept = keep_members(kept, sources[n].keys)
    end
    kept = sift and sift(kept) or kept
    for _, id in ipairs(kept) do
      found[#found + 1] = id
      if #found == limit then
        return found, id
      end
    end
    if #run < count then
      return found, ""
    end
    looked, last, count = looked + #run, run[#run], math.min(2 * count, most)
    upper = "(" .. last
    if #kept == 0 then
      upper, is_far = jump(sources, upper, sift ~= nil)
      if not upper then
        return found, ""
      elseif is_far then
        count = FIRST_READ
      end
    end
  end
  return found, last
end

-- The sets that own queued tasks.
local function ready_sets()
  local sets = {}
  if queue ~= "" then
    for _, shape in ipairs(call("SMEMBERS", queue_shapes_key(queue))) do
      sets[#sets + 1] = ready_key(queue, shape)
    end
    return sets
  end
  for _, shape in ipairs(call("HKEYS", shapes_key())) do
    for _, name in ipairs(call("SMEMBERS", ready_queues_key(shape))) do
      sets[#sets + 1] = ready_key(name, shape)
    end
  end
  return sets
end

-- The sets that own the tasks of those wanted states that have no index.
local function owning_sets()
  local sets = states.queued and ready_sets() or {}
  if states.delayed then
    sets[#sets + 1] = delayed_key()
  end
  if states.running then
    sets[#sets + 1] = queue == "" and leases_key() or running_key(queue)
  end
  return sets
end

-- The newest of what the sets, which are in an order of their own, have in common with filters.
local function newest_owned(sets)
  local best, lowest = {}, ""
  for _, key in ipairs(sets) do
    for from = 0, MOST_OWNED, MOST_READ do
      local run, ids = try("ZREVRANGE", key, from, from + MOST_READ - 1), {}
      for _, id in ipairs(run) do
        if id > lowest and (before == "" or id < before) then
          ids[#ids + 1] = id
        end
      end
      for _, filter in ipairs(filters) do
        ids = keep_members(ids, filter.keys)
      end
      for _, id in ipairs(ids) do
        best[#best + 1] = id
      end
      if #best > 2 * limit then
        best = first_of(best, limit)
        lowest = best[limit]
      end
      if #run < MOST_READ then
        break
      end
    end
  end
  return first_of(best, limit)
end

-- Both lists as one, as far as the second one was followed: to `upto`, '': to its end.
local function merged(owned, walked, upto)
  for _, id in ipairs(owned) do
    if id >= upto then
      walked[#walked + 1] = id
    end
  end
  local first = first_of(walked, limit)
  return { first, #first == limit and first[limit] or upto }
end

-- A function that drops ids of other states. What is queued stands in too many sets to ask them
-- all: it is what is in no other.
local function make_sift()
  local inside, outside = { unpack(wanted) }, { unpack(unwanted) }
  for state, key in pairs({ delayed = delayed_key(), running = leases_key() }) do
    table.insert(states[state] and inside or outside, 1, key)
  end
  return function(ids)
    return states.queued and drop_members(ids, outside) or keep_members(ids, inside)
  end
end

local function read_arguments()
  for n = 6, next_argument - 1, 2 do
    filters[#filters + 1] = source_of(index_key(ARGV[n], ARGV[n + 1]))
  end
  if queue ~= "" then
    filters[#filters + 1] = source_of(index_key("queue", queue))
  end
  for n = next_argument + 1, next_argument + tonumber(ARGV[next_argument]) do
    states[ARGV[n]] = true
  end
  local indexed = { "draft", "waiting", "blocked" }
  for state in pairs(FINAL) do
    indexed[#indexed + 1] = state
  end
  for _, state in ipairs(indexed) do
    local key = index_key("state", state)
    if call("EXISTS", key) == 1 then
      table.insert(states[state] and wanted or unwanted, key)
    end
  end
end

read_arguments()
local is_any = next(states) == nil
local sets = owning_sets()
local owned, smallest = size_of(sets), size_of({ ids_key() })
for _, filter in ipairs(filters) do
  smallest = math.min(smallest, filter.size)
end
local sift, few = nil, {}
if not is_any and (owned > MOST_OWNED or 4 * owned >= smallest) then
  sift = make_sift()
elseif not is_any then
  few = newest_owned(sets)
  if #wanted == 0 then
    return merged(few, {}, "")
  end
  filters[#filters + 1] = source_of(unpack(wanted))
end
if #filters == 0 then
  filters[1] = source_of(ids_key())
end
return merged(few, walk(filters, sift))
