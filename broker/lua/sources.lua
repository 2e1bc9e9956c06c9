-- sources.lua: sets of ids whose members are in the order of ids, read from any id on.
--
-- A part of other scripts (`Uses`); needs prelude.lua.
-- A source is the union of one or more of them: `ids`, or indices by:*. A key that holds
-- something else is an empty set.

local function later(a, b)
  return a > b
end

local function size_of(keys)
  local size = 0
  for _, key in ipairs(keys) do
    local found = try("ZCARD", key)
    size = size + (type(found) == "number" and found or 0)
  end
  return size
end

local function source_of(...)
  return { keys = { ... }, size = size_of({ ... }) }
end

-- The first of ids in any order, the newest first, each once.
local function first_of(ids, count)
  table.sort(ids, later)
  local first = {}
  for _, id in ipairs(ids) do
    if #first < count and id ~= first[#first] then
      first[#first + 1] = id
    end
  end
  return first
end

-- Up to `count` ids of a source, the newest first. upper: "+", "[<id>" or "(<id>".
local function newest(source, upper, count)
  local all
  for _, key in ipairs(source.keys) do
    local ids = try("ZREVRANGEBYLEX", key, upper, "-", "LIMIT", 0, count)
    if not all then
      all = ids
    else
      for _, id in ipairs(ids) do
        all[#all + 1] = id
      end
    end
  end
  return #source.keys == 1 and all or first_of(all, count)
end

-- Those of some ids that are in none of the sets.
local function drop_members(ids, keys)
  for _, key in ipairs(keys) do
    if #ids == 0 then
      return ids
    end
    local left, scores = {}, try("ZMSCORE", key, unpack(ids))
    for n, id in ipairs(ids) do
      if not scores[n] then
        left[#left + 1] = id
      end
    end
    ids = left
  end
  return ids
end

-- Those of some ids that are in one of the sets.
local function keep_members(ids, keys)
  local others, kept, at = drop_members(ids, keys), {}, 1
  for _, id in ipairs(ids) do
    if id == others[at] then
      at = at + 1
    else
      kept[#kept + 1] = id
    end
  end
  return kept
end

-- The newest id from `upper` on that is in none of the indices, nil when there is none; and how
-- often was counted. What stands between two ids is as quickly counted as one id is found.
local function newest_outside(indices, upper)
  local ids, counted = ids_key(), 0
  local top = newest({ keys = { ids } }, upper, 1)[1]
  local function at(rank)
    return call("ZRANGE", ids, rank, rank)[1]
  end
  local function has_other(low, high)
    local first, last, others = "[" .. at(low), "[" .. at(high), high - low + 1
    for _, key in ipairs(indices) do
      local count = try("ZLEXCOUNT", key, first, last)
      others = others - (type(count) == "number" and count or 0)
    end
    counted = counted + 1
    return others > 0
  end
  local high, width = top and call("ZRANK", ids, top) or -1, 1
  local low = high
  while high >= 0 and not has_other(low, high) do
    high, width = low - 1, 2 * width
    low = math.max(high - width + 1, 0)
  end
  while low < high do
    local middle = math.floor((low + high + 1) / 2)
    if has_other(middle, high) then
      low = middle
    else
      high = middle - 1
    end
  end
  return high >= 0 and at(low) or nil, counted
end
