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

-- Read the next tasks of one ready set into its cursor: from rank `at` on, or back.
local function read_on(cursor, is_forward)
  local first, last = cursor.at, cursor.at + cursor.size - 1
  if not is_forward then
    first, last = math.max(cursor.at - cursor.size + 1, 0), cursor.at
  end
  cursor.read = last < 0 and {} or call("ZRANGE", cursor.key, first, last, "WITHSCORES")
  cursor.next = is_forward and 1 or #cursor.read - 1
  cursor.at = is_forward and last + 1 or first - 1
  cursor.size = math.min(2 * cursor.size, LARGEST_READ)
end

-- Let a cursor point to the next task of its ready set that is behind (or before) `from`; its id
-- is nil at the end.
local function advance(cursor, from, is_forward)
  repeat
    if not cursor.read[cursor.next] then
      read_on(cursor, is_forward)
    end
    cursor.id, cursor.score = cursor.read[cursor.next], tonumber(cursor.read[cursor.next + 1])
    cursor.next = cursor.next + (is_forward and 2 or -2)
    -- One of the same score may stand on the other side.
  until not cursor.id or cursor.score ~= from.score or is_before(from, cursor) == is_forward
    and cursor.id ~= from.id
end

-- The cursor that points to the nearest task; nil when all are at their end.
local function nearest_cursor(cursors, is_forward)
  local best
  for n = 1, #cursors do
    local cursor = cursors[n]
    if cursor.id and (not best or is_before(cursor, best) == is_forward) then
      best = cursor
    end
  end
  return best
end

-- Return a function that answers the places behind (or before) one, the nearest first, and nil
-- at the end. A place: {id, score, key of its ready set}. `without` is an id to leave out.
local function walk(queue, from, is_forward, without)
  local cursors, bound = {}, is_forward and "(" .. I(from.score) or I(from.score)
  for n, key in ipairs(ready_sets_of(queue)) do
    local count = call("ZCOUNT", key, "-inf", bound)
    cursors[n] = {
      key = key, at = is_forward and count or count - 1, size = FIRST_READ, read = {}, next = 1,
    }
    advance(cursors[n], from, is_forward)
  end
  return function()
    local place
    repeat
      local cursor = nearest_cursor(cursors, is_forward)
      place = cursor and { id = cursor.id, score = cursor.score, key = cursor.key }
      if cursor then
        advance(cursor, from, is_forward)
      end
    until not place or place.id ~= without
    return place
  end
end
