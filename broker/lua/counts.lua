-- counts.lua: what happened in each queue in each minute, for statistics.
--
-- A part of other scripts (`Uses`); needs prelude.lua.
-- A call counts in a table and writes it once at its end: one HINCRBY for each field of
-- qstat:<queue>:<minute>. Fields: enqueued, claimed, each final state, retried, released, lost,
-- and two histograms: w<bucket> of waits (ready -> claim), r<bucket> of runs (claim -> end).
-- Buckets are log-linear, as in HDR Histogram: 8 for each power of two, below 16 ms one for each
-- ms, the last one at 30 days. The middle of a bucket is within 6.25 % of all that is in it.
-- Stored fields outlive this file: the scheme never changes. broker/histogram.py reads it.
-- Whatever somebody stored under these names stops nothing: it is only not counted.

local LONGEST_MS, KEEP_COUNTS_MS = 2592000000, 691200000
local counted, waits, runs = {}, {}, {} -- each: queue -> field or bucket -> number

local function add_count(counts, queue, field, n)
  local fields = counts[queue]
  if not fields then
    fields = {}
    counts[queue] = fields
  end
  fields[field] = (fields[field] or 0) + n
end

local function count(queue, field, n)
  add_count(counted, queue, field, n or 1)
end

local buckets = {} -- ms -> bucket: tasks of one call mostly came, and were claimed, together

local function bucket_of(span)
  if not (span >= 0) then -- not a number either
    return 0
  elseif buckets[span] then
    return buckets[span]
  end
  local ms, scale = span, 0
  ms = math.min(ms, LONGEST_MS)
  while ms >= 4096 do
    ms, scale = ms / 256, scale + 8
  end
  while ms >= 16 do
    ms, scale = ms / 2, scale + 1
  end
  buckets[span] = 8 * scale + math.floor(ms)
  return buckets[span]
end

-- Count how long a task was ready before it was claimed.
local function count_wait(queue, ms)
  add_count(waits, queue, bucket_of(ms), 1)
end

-- Count how long a claim lasted.
local function count_run(queue, ms)
  add_count(runs, queue, bucket_of(ms), 1)
end

local function write_counts(counts, letter)
  for queue, fields in pairs(counts) do
    local key, is_new = statistics_key(queue, I(math.floor(NOW / 60000))), false
    for field, n in pairs(fields) do
      is_new = try("HINCRBY", key, letter .. field, n) == n or is_new
    end
    if is_new then -- a field that was not there: perhaps the whole hash was not
      try("PEXPIRE", key, KEEP_COUNTS_MS)
    end
    counts[queue] = nil
  end
end

-- Count one at once, in a call that counts nothing else.
local function count_now(queue, field)
  local key = statistics_key(queue, I(math.floor(NOW / 60000)))
  if try("HINCRBY", key, field, 1) == 1 then
    try("PEXPIRE", key, KEEP_COUNTS_MS)
  end
end

local function flush_counts()
  write_counts(counted, "")
  write_counts(waits, "w")
  write_counts(runs, "r")
end
