-- collect.lua: take some final tasks that the archive lacks, and say what they are.
--
-- Uses     states.lua
-- KEYS[1]  prefix
-- ARGV[1]  limit     1 to 100 tasks
-- ARGV[2]  lease     integer, ms; so long no other archiver takes the same
-- ARGV[3]  small     integer, bytes; larger envelopes and results are only measured
-- ARGV[4]  most      integer, bytes; of the values of one hash, what is above is left out
--
-- Returns  {more, tasks}; more = 1: the limit was reached. For each task:
--          {id, state, finished_ms, edits, t: pairs, x: pairs, h: lines, need (JSON or ''),
--           envelope, its bytes, result, its bytes, fences of its logs, number of scalars,
--           names of what was left out}
-- Writes   their time in `arc`, a lease ahead; finished_ms where there is none. What is not final,
--          or has no record, leaves `arc`.
-- Cost     O(limit log N), and the bytes that it returns

local limit, lease = tonumber(ARGV[1]), tonumber(ARGV[2])
local small, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local MOST_LOGS = 32

-- The fields and values of a hash, but those that would make more than `most` bytes; adds its
-- name to `cut` when there are such.
local function read_hash(key, name, cut)
  local pairs_ = try("HGETALL", key)
  if pairs_.err then
    cut[#cut + 1] = name
    return {}
  end
  local kept, bytes, is_cut = {}, 0, false
  for n = 1, #pairs_, 2 do
    local more = #pairs_[n] + #pairs_[n + 1]
    if bytes + more <= most then
      bytes = bytes + more
      kept[#kept + 1] = pairs_[n]
      kept[#kept + 1] = pairs_[n + 1]
    else
      is_cut = true
    end
  end
  if is_cut then
    cut[#cut + 1] = name
  end
  return kept
end

-- The bytes under a key where they are few, and how many there are; 0 where it holds something
-- else.
local function read_bytes(key)
  local bytes = try("GETRANGE", key, 0, small)
  if type(bytes) ~= "string" then
    return "", 0
  elseif #bytes <= small then
    return bytes, #bytes
  end
  return "", call("STRLEN", key)
end

-- How many entries a stream has; 0 where the key holds something else.
local function length(key)
  local entries = try("XLEN", key)
  return type(entries) == "number" and entries or 0
end

-- The attempts that have a log, of the last ones: older logs are gone by their TTL.
local function fences_of(id, fence)
  local fences = {}
  for n = fence, math.max(1, fence - MOST_LOGS + 1), -1 do
    if length(log_key(id, I(n))) > 0 then
      fences[#fences + 1] = n
    end
  end
  return fences
end

local needs = {} -- shape -> need, read once in a call

local function need_of(shape)
  needs[shape] = needs[shape] or call("HGET", shapes_key(), shape) or ""
  return needs[shape]
end

local function describe(id, task)
  local cut = {}
  local fields = read_hash(task_key(id), "record", cut)
  local extra = read_hash(extra_key(id), "extra", cut)
  local lines = try("LRANGE", history_key(id), -64, -1)
  local envelope, envelope_bytes = read_bytes(arguments_key(id))
  local result, result_bytes = read_bytes(result_key(id))
  return {
    id, task[1], task[2], task[5], fields, extra, lines.err and {} or lines, need_of(task[3]),
    envelope, envelope_bytes, result, result_bytes, fences_of(id, whole(task[4], 0)),
    length(scalars_key(id)), cut,
  }
end

local ids = call("ZRANGEBYSCORE", unarchived_key(), "-inf", I(NOW), "LIMIT", 0, limit)
local tasks, taken, rejected = {}, {}, {}
for _, id in ipairs(ids) do
  local task = read_task(id, "state", "finished_ms", "shape", "fence", "edits")
  if task and FINAL[task[1]] then
    if task[2] == "" then -- somebody wrote it, or took it away: an end has a time to be told by
      task[2] = I(NOW)
      call("HSET", task_key(id), "finished_ms", task[2])
    end
    tasks[#tasks + 1] = describe(id, task)
    taken[#taken + 1] = I(NOW + lease)
    taken[#taken + 1] = id
  else
    rejected[#rejected + 1] = id
  end
end
if #taken > 0 then
  call("ZADD", unarchived_key(), unpack(taken))
end
if #rejected > 0 then
  call("ZREM", unarchived_key(), unpack(rejected))
end
return { #ids == limit and 1 or 0, tasks }
