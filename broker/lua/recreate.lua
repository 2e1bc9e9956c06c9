-- recreate.lua: make the record of a claim that runs, where Redis came back without it.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, families.lua, waiting.lua, uniqueness.lua, parking.lua, placing.lua, definitions.lua, kinds.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
-- ARGV[2]  task id
-- ARGV[3]  fence       integer; of the claim
-- ARGV[4]  nonce       of the same claim
-- ARGV[5]  lease       integer, ms; where the task has none of its own
-- ARGV[6]  attempt     integer
-- ARGV[7]  lost        integer; losses that were counted before this claim
-- ARGV[8]  order       its place, as claim.lua told it; '': the last one of its priority
-- ARGV[9]  created     Unix ms; 0: not known
-- ARGV[10] retention   integer, ms; how long a final record stays
-- ARGV[11] envelope
-- ARGV[12] params      JSON or ''
-- ARGV[13] definition, encoded
-- ARGV[14] isolation   0 to 4; see finish.lua
-- ARGV[15] number of its blobs, then their digests
-- then     its kind, as enqueue.lua describes it
--
-- Returns  1 made | 2 made, but a blob of its definition is missing: it can't run once more
--          | 0 there is a record, whatever it says: nothing is written
-- Writes   t: x: a: and the indices of a task that runs: lease, run:, wt:, hold: (it runs, so it
--          counts, whatever the limit); d: and refs as enqueue.lua does; u: where nobody else has
--          its key, else it has none any more. It is counted as enqueued and claimed in qstat:,
--          since Redis forgot that too. g: recreated + 1. An event.
-- Cost     O(log N + blobs)

local worker, id, fence, nonce, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local retention = tonumber(ARGV[10])
local next_argument = 15

local function take()
  next_argument = next_argument + 1
  return ARGV[next_argument - 1]
end

if call("EXISTS", task_key(id)) == 1 then
  return 0
end
local blobs = {}
for n = 1, tonumber(take()) do
  blobs[n] = take()
end
local kind = read_kind(take)
local problem = read_sequence(kind.queue)
if problem then
  return problem
end

-- Its own place, where the record of a task says so. It stands before one that was given the same
-- place since, and new ones go behind it.
local function own_order(stored)
  local order = whole(stored, -1)
  local number = math.floor((order % BAND - MIDDLE) / STEP)
  if order <= 0 or order >= 256 * BAND or number > 2 ^ 32 then
    return next_order(kind.queue, kind.priority)
  elseif number <= sequences[kind.queue] then
    return I(order - 1)
  end
  sequences[kind.queue], changed[kind.queue] = number, true
  return I(order)
end

local function write_record(order)
  local created = whole(ARGV[9], 0)
  local fields = kind.fields
  add_unless("1", fields, "attempt", ARGV[6])
  add_unless("0", fields, "lost", ARGV[7])
  add_unless("0", fields, "isolation", ARGV[14])
  if 0 < created and created < NOW then
    add_unless("", fields, "created_ms", I(created))
  end
  call("HSET", task_key(id), "state", "running", "worker", worker, "nonce", nonce, "fence", fence,
    "started_ms", I(NOW), "order", order, unpack(fields))
  if ARGV[12] ~= "" then
    add_unless("", kind.extra, "params", ARGV[12])
  end
  if #kind.extra > 0 then
    try("HSET", extra_key(id), unpack(kind.extra))
  end
  call("SET", arguments_key(id), ARGV[11])
end

local function claim_unique(key)
  if key == "" then
    return
  elseif unique_holder(key) then
    call("HDEL", task_key(id), "unique")
  else
    call("SET", unique_key(key), id)
  end
end

sent_definitions[kind.definition] = { encoded = ARGV[13], blobs = blobs }
local is_whole = not missing_of(kind.definition)
write_record(own_order(ARGV[8]))
local written = read_task(id, "state", "lease_ms", "key")
local own_lease = whole(written[2], 0)
write_sequences()
claim_unique(kind.unique)
count_users(kind.definition, 1)
call("ZADD", ids_key(), "0", id)
for _, key in ipairs(kind.indices) do
  call("ZADD", key, "0", id)
end
announce(kind.queue, kind.shape, kind.need)
call("ZADD", leases_key(), I(NOW + (own_lease > 0 and own_lease or lease)), id)
call("ZADD", running_key(kind.queue), I(NOW), id)
call("SADD", held_key(worker), id)
call("ZADD", workers_key(), "NX", I(NOW + lease), worker)
hold(id, written[3])
count(kind.queue, "enqueued")
count(kind.queue, "claimed")
call("HINCRBY", globals__key(), "recreated", 1)
event(id, "recreated", worker, "state", "running", "queue", kind.queue, "worker", worker,
  "fence", fence)
fan_out(200, retention)
return is_whole and 1 or 2
