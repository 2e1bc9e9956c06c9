-- plain.lua: add one task that has nothing to do with others, of a stored definition, at less cost.
--
-- A part of other scripts (`Uses`); needs ready.lua, counts.lua, placing.lua and kinds.lua.
-- It writes what adding.lua writes for such a task, and a test compares the two. Where anything is
-- unusual it has written nothing, and adding.lua does the work: the task exists, the definition
-- does not, children are to be told, the queue is new, paused, limited or broken.

-- Whether the arguments of enqueue.lua describe such a task: no definition, one kind and one task
-- without delay, time, queue timeout, labels, keys, parents and parameters, and no draft.
local function is_plain()
  return #ARGV == 32 and ARGV[1] == "0" and ARGV[2] == "1" and ARGV[3] == "1" and ARGV[12] == "0"
    and ARGV[13] == "0" and ARGV[16] == "0" and ARGV[19] == "" and ARGV[21] == "0"
    and ARGV[22] == "" and ARGV[24] == "" and ARGV[32] == "" and ARGV[9] == ARGV[18]
end

-- The number of an open queue's last task; nil when adding.lua has to look at the queue.
local function open_sequence(queue)
  local stored = try("HMGET", queue_key(queue), "sequence", "paused", "max_running")
  local number = not stored.err and whole(stored[1], -1) or -1
  if number >= 0 and number <= 2 ^ 32 and stored[2] ~= "1" and not stored[3] then
    return number
  end
end

local function write_plain(id, queue, order)
  local fields = {
    "queue", queue, "shape", ARGV[6], "definition", ARGV[11], "created_ms", I(NOW),
  }
  add_unless("0", fields, "priority", ARGV[8])
  add_unless("", fields, "name", ARGV[9])
  add_unless("", fields, "user", ARGV[10])
  add_unless("0", fields, "lease_ms", ARGV[14])
  add_unless("3", fields, "max_lost", ARGV[15])
  add_unless("0", fields, "timeout_ms", ARGV[17])
  add_unless("", fields, "retry", ARGV[26])
  add_unless("0", fields, "result_ttl_ms", ARGV[27])
  call("HSET", task_key(id), "state", "queued", "order", order, unpack(fields))
  call("SET", arguments_key(id), ARGV[31])
end

local function index_plain(id, queue, user, name)
  call("ZADD", ids_key(), "0", id)
  call("ZADD", index_key("queue", queue), "0", id)
  if user ~= "" then
    call("ZADD", index_key("user", user), "0", id)
  end
  if name ~= "" then
    call("ZADD", index_key("name", name), "0", id)
  end
end

-- Add the task. Return its state; nil when nothing was written.
local function add_plain()
  local queue, shape, id = ARGV[5], ARGV[6], ARGV[30]
  local definition = definition_key(ARGV[11])
  -- A key counts as often as it is named: 3 is the definition without the others.
  if call("EXISTS", definition, definition, definition, task_key(id), resolve_key()) ~= 3 then
    return nil
  end
  local sequence = open_sequence(queue)
  if not sequence then
    return nil
  end
  sequence = sequence + 1
  local order = I((127 - tonumber(ARGV[8])) * BAND + MIDDLE + sequence * STEP)
  write_plain(id, queue, order)
  index_plain(id, queue, ARGV[10], ARGV[18])
  call("HINCRBY", references_key(), "d:" .. ARGV[11], 1)
  call("HSET", queue_key(queue), "sequence", I(sequence))
  publish(id, "enqueued", "state", "queued", "queue", queue)
  call("ZADD", ready_key(queue, shape), order, id)
  if call("SADD", ready_queues_key(shape), queue) == 1 then -- else the queue has the shape
    announce(queue, shape, ARGV[7])
  end
  count_now(queue, "enqueued")
  wake(queue, shape)
  return "queued"
end
