-- neighbours.lua: who stands before and behind whom in a queue, whatever their shapes.
--
-- A part of other scripts (`Uses`); needs prelude.lua and ready.lua.
-- The order of a queue is that of (score, id) over the ready sets of all of its shapes. Of more than
-- MOST_SHAPES shapes the rest is not seen.

local MOST_SHAPES, FIRST_READ, LARGEST_READ = 4096, 2, 64

local ready_sets = {} -- queue -> the names of its ready sets, read once in a call

local function ready_sets_of(queue)
  if not ready_sets[queue] then
    local names = {}
    for n, shape in ipairs(call("SRANDMEMBER", queue_shapes_key(queue), MOST_SHAPES)) do
      names[n] = ready_key(queue, shape)
    end
    ready_sets[queue] = names
  end
  return ready_sets[queue]
end

-- Whether one place is before another. A place: {score, id}.
local function is_before(a, b)
  return a.score < b.score or (a.score == b.score and a.id < b.id)
end

-- How many tasks stand before a score, and 1.
local function position_of(queue, score)
  local ahead = 0
  for _, key in ipairs(ready_sets_of(queue)) do
    ahead = ahead + call("ZCOUNT", key, "-inf", "(" .. I(score))
  end
  return ahead + 1
end

-- Read the next tasks of one ready set into its cursor: at rank `at` and behind it, or before it.
local function read_on(cursor, is_forward)
  local first, last = cursor.at, cursor.at + cursor.size - 1
  if not is_forward then
    first, last = math.max(cursor.at - cursor.size + 1, 0), cursor.at
  end
  local found = last < 0 and {} or call("ZRANGE", cursor.key, first, last, "WITHSCORES")
  cursor.read, cursor.next = {}, 1
  for n = 1, #found, 2 do
    local place = { id = found[n], score = tonumber(found[n + 1]), key = cursor.key }
    table.insert(cursor.read, is_forward and #cursor.read + 1 or 1, place)
  end
  cursor.at = is_forward and last + 1 or first - 1
  cursor.size = math.min(2 * cursor.size, LARGEST_READ)
end

-- The next place of one ready set; nil at its end.
local function peek(cursor, from, is_forward)
  while true do
    if cursor.next > #cursor.read then
      read_on(cursor, is_forward)
    end
    local place = cursor.read[cursor.next]
    if not place or (is_forward and is_before(from, place)) or
      (not is_forward and is_before(place, from)) then
      return place
    end
    cursor.next = cursor.next + 1 -- it has the same score
  end
end

-- Return a function that answers the places behind (or before) one, the nearest first, and nil
-- at the end. `without` is an id to leave out.
local function walk(queue, from, is_forward, without)
  local cursors = {}
  for n, key in ipairs(ready_sets_of(queue)) do
    local bound = is_forward and "(" .. I(from.score) or I(from.score)
    local count = call("ZCOUNT", key, "-inf", bound)
    cursors[n] = {
      key = key, at = is_forward and count or count - 1, size = FIRST_READ, read = {}, next = 1,
    }
  end
  local function nearest()
    local best, place
    for _, cursor in ipairs(cursors) do
      local other = peek(cursor, from, is_forward)
      if other and (not place or is_before(other, place) == is_forward) then
        best, place = cursor, other
      end
    end
    if not place then
      return nil
    end
    best.next = best.next + 1
    if place.id == without then
      return nearest()
    end
    return place
  end
  return nearest
end
