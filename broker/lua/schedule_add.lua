-- schedule_add.lua: add a schedule, or put another one in the place of one.
--
-- Uses     definitions.lua, references.lua
-- KEYS[1]  prefix
-- ARGV[1]  name
-- ARGV[2]  next        integer, Unix ms; when it fires first
-- ARGV[3]  mode        new | replace
-- ARGV[4]  blob ttl    integer, ms; how long a blob stays that no definition refers to any more
-- ARGV[5]  digest      of the definition
-- ARGV[6]  encoded     the definition
-- ARGV[7]  number of its blobs
-- then the digests of its blobs, then fields and values of the record (see schedule.py)
--
-- Returns  added | replaced | exists (mode new: nothing is written)
--          | missing-blob (nothing is written either)
-- Writes   cr:<name>, its time in `cron`, and counts the schedule as a user of its definition, so
--          that the definition is never purged. One that is replaced keeps when and how often it
--          fired; it is not paused any more.
-- Cost     O(log schedules + fields)

local name, next_fire, mode, blob_ttl, digest = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local definition, first_field = { encoded = ARGV[6], blobs = {} }, 8 + tonumber(ARGV[7])
for n = 8, first_field - 1 do
  table.insert(definition.blobs, ARGV[n])
end
sent_definitions[digest] = definition

local record = schedule_key(name)
local exists = call("EXISTS", record) == 1
if exists and mode ~= "replace" then
  return "exists"
end
local refusal = missing_of(digest)
if refusal then
  return refusal
end

-- Where somebody put something else there, none of these is found.
local old = try("HMGET", record, "revision", "definition", "created_ms", "fired", "fired_ms",
  "last_task")
count_users(digest, 1)
if old[2] then
  lose_definition(old[2], 1, blob_ttl)
end
call("DEL", record)
call("HSET", record, "revision", I(whole(old[1], 0) + 1), "definition", digest, "created_ms",
  old[3] or I(NOW), unpack(ARGV, first_field))
for n, field in ipairs({ "fired", "fired_ms", "last_task" }) do
  if old[3 + n] then
    call("HSET", record, field, old[3 + n])
  end
end
call("ZADD", schedules_key(), next_fire, name)
publish("", exists and "schedule_replaced" or "schedule_added", "schedule", name)
return exists and "replaced" or "added"
