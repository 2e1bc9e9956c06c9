-- page.lua: ids of the newest tasks that a filter accepts, older than a given one.
--
-- Uses     states.lua, sources.lua
-- KEYS[1]  prefix
-- ARGV[1]  before     id, itself not wanted; '': from the newest on
-- ARGV[2]  limit      1 to 1000
-- ARGV[3]  bound      of ids to look at; the read that passes it is still finished
-- ARGV[4]  queue      or '': any
-- ARGV[5]  label      what the JSON of the labels must hold, or '': "name": of any value
-- ARGV[6]  number of indices, then field, value.. of each: all of them must have the task
-- then     number of states, then the states: one of them must be the task's. 0: any
--
-- Returns  {ids, before}: newest first. before: where to go on, '' at the end. With fewer than
--          `limit` ids it says that the bound was reached.
-- Writes   nothing: EVALSHA_RO may run it.
-- Cost     O((limit + jumps) log N). The smallest index leads; where a run of its ids fits
--          nowhere, each index jumps to the next id that all of them could have. Few queued,
--          delayed and running tasks are read from what owns them, at most 10 000; where they
--          are many, the state is told from the record, and so is a label of any value.

local before, limit, bound = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local queue, label, next_argument = ARGV[4], ARGV[5], 7 + 2 * tonumber(ARGV[6])
local MOST_OWNED, MOST_READ, MOST_MERGED, FIRST_READ = 10000, 256, 64, 16
local filters, states, wanted, unwanted = {}, {}, {}, {} -- indices of states: wanted, others
local owned_states, looked = 0, 0

-- Those whose records fit in what no index tells.
local function keep_fitting(ids, is_told_state)
  local kept = {}
  for _, id in ipairs(ids) do
    local state = is_told_state and try("HGET", task_key(id), "state")
    local labels = label ~= "" and try("HGET", extra_key(id), "labels")
    local is_labelled = type(labels) == "string" and string.find(labels, label, 1, true)
    if (not is_told_state or states[state]) and (label == "" or is_labelled) then
      kept[#kept + 1] = id
    end
  end
  return kept
end

-- From where on all sources could have an id in common; nil when they have none.
local function jump(sources, upper, is_told_state)
  for n = 2, #sources do
    local id = newest(sources[n], upper, 1)[1]
    if not id then
      return nil
    end
    upper, looked = "[" .. id, looked + 1
  end
  if is_told_state and #unwanted > 0 then
    local id, counted = newest_outside(unwanted, upper)
    looked = looked + counted
    return id and "[" .. id
  end
  return upper
end

-- What all sources have in common, and where to go on.
local function walk(sources, is_told_state)
  table.sort(sources, function(a, b) return a.size < b.size end)
  local upper, count = before == "" and "+" or "(" .. before, FIRST_READ
  local found, last = {}, before
  local most = #sources[1].keys == 1 and MOST_READ or MOST_MERGED
  while looked < bound do
    local run = newest(sources[1], upper, count)
    local kept = run
    for n = 2, #sources do
      kept = keep_members(kept, sources[n])
    end
    if is_told_state or label ~= "" then
      kept = keep_fitting(kept, is_told_state)
    end
    for _, id in ipairs(kept) do
      found[#found + 1] = id
      if #found == limit then
        return found, id
      end
    end
    if #run < count then
      return found, ""
    end
    looked, count = looked + #run, math.min(2 * count, most)
    last = run[#run]
    upper = "(" .. last
    if #kept == 0 then
      upper, count = jump(sources, upper, is_told_state), FIRST_READ
      if not upper then
        return found, ""
      end
    end
  end
  return found, last
end

-- The sets that own the tasks of those wanted states that no index tells.
local function owning_sets()
  local sets = {}
  if states.queued and queue ~= "" then
    for _, shape in ipairs(call("SMEMBERS", queue_shapes_key(queue))) do
      sets[#sets + 1] = ready_key(queue, shape)
    end
  elseif states.queued then
    for _, shape in ipairs(call("HKEYS", shapes_key())) do
      for _, name in ipairs(call("SMEMBERS", ready_queues_key(shape))) do
        sets[#sets + 1] = ready_key(name, shape)
      end
    end
  end
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
    for from = 0, MOST_OWNED, 1000 do
      local run, ids = try("ZREVRANGE", key, from, from + 999), {}
      for _, id in ipairs(run) do
        if id > lowest and (before == "" or id < before) then
          ids[#ids + 1] = id
        end
      end
      for _, filter in ipairs(filters) do
        ids = keep_members(ids, filter)
      end
      for _, id in ipairs(keep_fitting(ids, false)) do
        best[#best + 1] = id
      end
      if #best > 2 * limit then
        best = first_of(best, limit)
        lowest = best[limit] or ""
      end
      if #run < 1000 then
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

for n = 7, next_argument - 1, 2 do
  filters[#filters + 1] = source_of(index_key(ARGV[n], ARGV[n + 1]))
end
if queue ~= "" then
  filters[#filters + 1] = source_of(index_key("queue", queue))
end
for n = next_argument + 1, next_argument + tonumber(ARGV[next_argument]) do
  states[ARGV[n]] = true
  if is_indexed(ARGV[n]) then
    wanted[#wanted + 1] = index_key("state", ARGV[n])
  else
    owned_states = owned_states + 1
  end
end
local function add_unwanted(state)
  local key = index_key("state", state)
  if not states[state] and call("EXISTS", key) == 1 then
    unwanted[#unwanted + 1] = key
  end
end

for state in pairs(FINAL) do
  add_unwanted(state)
end
add_unwanted("draft")
add_unwanted("waiting")
add_unwanted("blocked")

local sets = owning_sets()
local owned, smallest = size_of(sets), size_of({ ids_key() })
for _, filter in ipairs(filters) do
  smallest = math.min(smallest, filter.size)
end
local is_told_state = owned_states > 0 and (owned > MOST_OWNED or 4 * owned >= smallest)
local few = {}
if owned_states > 0 and not is_told_state then
  few = newest_owned(sets)
end
if #wanted > 0 and not is_told_state then
  filters[#filters + 1] = source_of(unpack(wanted))
elseif owned_states > 0 and not is_told_state then
  return merged(few, {}, "") -- no other state is wanted
end
if #filters == 0 then
  filters[1] = source_of(ids_key())
end
return merged(few, walk(filters, is_told_state))
