-- enqueue_draft.lua: put a draft on a queue.
--
-- Uses     ready.lua, states.lua, holds.lua, counts.lua, gathering.lua, endings.lua, families.lua, waiting.lua, uniqueness.lua, parking.lua, placing.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  queue        it appears if there was none of that name; '': that of its record
-- ARGV[3]  priority     integer, -128 to 127; '': that of its record
-- ARGV[4]  delay        integer, ms
-- ARGV[5]  at           integer, Unix ms; 0: use delay
-- ARGV[6]  parents      keep: it waits for those that its record names | drop: it forgets them
-- ARGV[7]  unique mode  keep | replace
-- ARGV[8]  retention    integer, ms; how long a final record stays
--
-- Returns  {enqueued, state}: queued | delayed | waiting | skipped (a parent ended otherwise),
--          or why nothing was written: {missing} no such task | {state, its state} no draft
--          | {past} `at` lies more than a minute back | {unknown-parent, id}
--          | {unique, id} the live task that holds its key
--          | {unreadable, field}: queue | shape | parents of its record say nothing
-- Writes   state, order, queue, priority and due_ms of its record, by:state:, by:queue:, and the
--          index that owns it now; wakes one parked worker for a queued task; u:, dep:, kid: where
--          it has a key or parents; an event `enqueued`. The order is a new one, behind all others
--          of its priority. Replaces: the task that held the key is cancelled.
-- Cost     O(log N + parents)

local id, delay, at = ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[5])
local drops, mode, retention = ARGV[6] == "drop", ARGV[7], tonumber(ARGV[8])

local stored = read_task(id, "state", "queue", "shape", "priority", "unique", "parents")
if not stored then
  return { "missing" }
end
local source, shape, unique = stored[2], stored[3], stored[5]
if stored[1] ~= "draft" then
  return { "state", stored[1] }
end
local queue = ARGV[2] ~= "" and ARGV[2] or source
local priority = math.max(-128, math.min(127, whole(ARGV[3] ~= "" and ARGV[3] or stored[4], 0)))
local need = call("HGET", shapes_key(), shape)
if queue == "" or not need then
  return { "unreadable", queue == "" and "queue" or "shape" }
end
if at > 0 and at < NOW - 60000 then
  return { "past" }
end
local due = at > 0 and at or NOW + delay
local named = stored[6] ~= "" and parents_of(id) or {}
local parents = drops and {} or named
if not drops and #named ~= whole(stored[6], 0) then
  return { "unreadable", "parents" }
end
local unknown = unknown_parent(parents)
if unknown then
  return { "unknown-parent", unknown }
end
local keeper = unique ~= "" and unique_keeper(unique, mode)
if keeper then
  return { "unique", keeper }
end
local broken = read_sequence(queue)
if broken then
  return broken
end

if unique ~= "" then
  take_unique(unique, id, retention)
end
if drops and stored[6] ~= "" then
  count_child(named, -1)
  call("HDEL", task_key(id), "parents")
  try("HDEL", extra_key(id), "parents")
end
if queue ~= source then
  call("ZREM", index_key("queue", source), id)
  call("ZADD", index_key("queue", queue), "0", id)
end
local order = next_order(queue, priority)
write_sequences()
announce(queue, shape, need)

local state = #parents > 0 and "waiting" or due > NOW and "delayed" or "queued"
enter_state(id, "draft", state)
call("HDEL", task_key(id), "priority", "due_ms", "queued_ms")
call("HSET", task_key(id), "state", state, "queue", queue, "order", order)
if priority ~= 0 then
  call("HSET", task_key(id), "priority", I(priority))
end
event(id, "enqueued", "", "state", state, "queue", queue)
count(queue, "enqueued")
if state == "queued" then
  make_ready(id, queue, shape, order)
elseif state == "delayed" then
  call("ZADD", delayed_key(), I(due), id)
else
  if due > NOW then
    call("HSET", task_key(id), "due_ms", I(due))
  end
  link(id, parents, retention)
end
fan_out(200, retention)
return { "enqueued", call("HGET", task_key(id), "state") }
