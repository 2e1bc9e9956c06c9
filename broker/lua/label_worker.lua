-- label_worker.lua: set labels of a worker, or take them away.
--
-- Uses     ready.lua, commands.lua
-- KEYS[1]  prefix
-- ARGV[1]  worker
-- ARGV[2]  how many labels a worker may have here
-- ARGV[3]  number of labels to set, then name, value ..
-- then     number of labels to take away, then their names
--
-- Returns  {code, changes}: 1 told | 0 no such worker | -1 it would have too many; all that is
--          changed of its labels, as name, value ..
-- Writes   !lbl:<worker>: "=" and the value, or "-": it does not have the label, whatever it was
--          started with; its inbox.
-- Cost     O(labels)

local worker, most, set_count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local first_removed = 5 + 2 * set_count
local changed = {}

for n = 4, 2 + 2 * set_count, 2 do
  changed[#changed + 1] = ARGV[n]
  changed[#changed + 1] = "=" .. ARGV[n + 1]
end
for n = first_removed, first_removed + tonumber(ARGV[first_removed - 1]) - 1 do
  changed[#changed + 1] = ARGV[n]
  changed[#changed + 1] = "-"
end
if not call("ZSCORE", workers_key(), worker) then
  return { 0, {} }
end
local count = call("HLEN", worker_labels_key(worker))
for n = 1, #changed, 2 do
  count = count + 1 - call("HEXISTS", worker_labels_key(worker), changed[n])
end
if count > most then
  return { -1, {} }
end
if #changed > 0 then
  call("HSET", worker_labels_key(worker), unpack(changed))
end
keep_commands(worker)
send(worker, "c", "look")
return { 1, call("HGETALL", worker_labels_key(worker)) }
