-- append.lua: add output to the log of one attempt.
--
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  fence    integer; of the attempt that wrote the output
-- ARGV[3]  nonce    of the same claim
-- ARGV[4]  limit    integer, bytes: data plus 64 for each entry
-- ARGV[5]  ttl      integer, ms; for a log whose attempt has ended
-- ARGV[6]  count    of chunks, 1 to 32
-- then, for each chunk
--   stream  out | err | sys
--   offset  integer; where the chunk begins in the raw output of that stream
--   length  integer; raw bytes that the chunk stands for
--   gap     1: what lies right before it may be missing, its writer left it out; else 0
--   data    at most 16 KiB; shorter than length where progress bars were collapsed
--
-- Returns   1  stored, or it was there already: a chunk that ends at or before the end of what
--              its stream has is a replay and is skipped
--           0  never: another claim has this fence, the log of this past attempt is gone, or its
--              key holds something else
--          -1  no such task
--          -2  not yet: the stored fence is lower (Redis came back older); try after a beat
--          -3  behind: Redis lost output that came before; send from where its log ends
-- Writes    log:<id>:<fence>; nothing unless it returns 1. Fields: s o n d as above;
--           e = ends of out, err and sys after this entry; b = bytes ever stored.
--           The oldest entries go when there are more than `limit` bytes.
--           The log of a running attempt has no TTL; one that ended keeps its TTL or gets one.
-- Cost      O(chunks), and once for each entry that goes

local id, fence, nonce = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local limit, ttl, count = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local ENTRY, BATCH = 64, 8

local task = read_task(id, "state", "fence", "nonce")
if not task then
  return -1
end
local stored = whole(task[2], 0)
if stored < fence then
  return -2
end

local log = log_key(id, I(fence))
local is_past = stored > fence
if stored == fence and task[3] ~= nonce then
  return 0
end
if is_past and call("EXISTS", log) == 0 then
  return 0
end

local function field(entry, name)
  for k = 1, #entry[2], 2 do
    if entry[2][k] == name then
      return entry[2][k + 1]
    end
  end
  return ""
end

local ends, bytes = { out = 0, err = 0, sys = 0 }, 0
local found = try("XREVRANGE", log, "+", "-", "COUNT", 1)
if found.err then
  return 0 -- not a stream: somebody else wrote it
end
local newest = found[1]
if newest then
  local out, err, sys = string.match(field(newest, "e"), "^(%d+) (%d+) (%d+)$")
  ends = { out = whole(out, 0), err = whole(err, 0), sys = whole(sys, 0) }
  bytes = whole(field(newest, "b"), 0)
end

local chunks, told = {}, { out = ends.out, err = ends.err, sys = ends.sys }
for n = 0, count - 1 do
  local stream, offset, length, gap, data = unpack(ARGV, 7 + 5 * n, 11 + 5 * n)
  offset, length = tonumber(offset), tonumber(length)
  if offset > told[stream] and gap ~= "1" then
    return -3
  end
  told[stream] = math.max(told[stream], offset + length)
  chunks[n + 1] = { stream, offset, length, data }
end

local last
for _, chunk in ipairs(chunks) do
  local stream, offset, length, data = unpack(chunk)
  local is_replay = length > 0 and offset + length <= ends[stream]
  if not is_replay then
    ends[stream] = math.max(ends[stream], offset + length)
    bytes = bytes + #data + ENTRY
    local e = I(ends.out) .. " " .. I(ends.err) .. " " .. I(ends.sys)
    last = call("XADD", log, "*", "s", stream, "o", I(offset), "n", I(length), "d", data,
      "e", e, "b", I(bytes))
  end
end

-- 32 chunks of 16 KiB push out at most 8 096 entries of one byte.
for _ = 1, last and 1100 or 0 do
  local oldest = call("XRANGE", log, "-", "+", "COUNT", BATCH)
  local gone = {}
  for _, entry in ipairs(oldest) do
    local before = whole(field(entry, "b"), 0) - #field(entry, "d") - ENTRY
    if bytes - before <= limit or entry[1] == last then
      break
    end
    gone[#gone + 1] = entry[1]
  end
  if #gone > 0 then
    call("XDEL", log, unpack(gone))
  end
  if #gone < BATCH then
    break
  end
end

if not is_past and task[1] == "running" then
  call("PERSIST", log) -- a re-adopted attempt: its log got a TTL when the lease was lost
elseif call("PTTL", log) == -1 then
  call("PEXPIRE", log, ttl)
end
return 1
