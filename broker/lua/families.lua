-- families.lua: tasks that wait for other tasks.
--
-- A part of other scripts (`Uses`); needs prelude.lua, ready.lua, states.lua, holds.lua and
-- endings.lua.
-- dep:<child> holds "<condition>:<parent>" of what is unmet yet, kid:<parent> "<condition>:<child>".
-- A parent that became final stands in `resolve` until all of its children were told: each call
-- tells a bounded number, so neither a crash nor a million children loses one of them.

-- Whether a condition holds of a parent that ended so.
local function is_met(condition, state)
  return condition == "any" or (condition == "ok") == (state == "succeeded")
end

-- Forget what a waiting task is told by.
local function unlink(id)
  for _, edge in ipairs(call("SRANDMEMBER", dependencies_key(id), MOST_PARENTS)) do
    local condition, parent = string.match(edge, "^(%a+):(.+)$")
    if parent then
      call("SREM", children_key(parent), condition .. ":" .. id)
    end
  end
  call("DEL", dependencies_key(id))
end

-- The first of the parents that does not exist; nil when all do.
local function unknown_parent(parents)
  for _, edge in ipairs(parents) do
    if not read_task(edge[2], "state") then
      return edge[2]
    end
  end
end

-- All parents ended as they should: on to its time, or to its place.
-- task: {state, queue, shape, order, due} as stored.
local function set_out(id, task)
  enter_state(id, "waiting", "queued")
  local due = whole(task[5], 0)
  if due > NOW then
    call("HSET", task_key(id), "state", "delayed")
    call("ZADD", delayed_key(), I(due), id)
    event(id, "parents_met", "", "state", "delayed", "queue", task[2])
  else
    event(id, "parents_met", "", "state", "queued", "queue", task[2])
    make_ready(id, task[2], task[3], task[4])
  end
end

local function skip(id, parent, state, queue, retention)
  unlink(id)
  call("ZREM", deadlines_key(), id)
  finalize(id, "skipped", "parent " .. parent .. " is " .. state, retention, queue)
end

-- Tell a waiting task how one of its parents ended.
local function tell(id, condition, parent, state, retention)
  call("SREM", dependencies_key(id), condition .. ":" .. parent)
  local task = read_task(id, "state", "queue", "shape", "order", "due_ms")
  if not task or task[1] ~= "waiting" then
    return
  end
  if not is_met(condition, state) then
    skip(id, parent, state, task[2], retention)
  elseif call("EXISTS", dependencies_key(id)) == 0 then
    set_out(id, task)
  end
end

-- Let a task whose state is `waiting` wait for its parents: all exist, some may be final.
local function link(id, parents, retention)
  local ended = {}
  for _, edge in ipairs(parents) do
    local condition, parent = edge[1], edge[2]
    local state = read_task(parent, "state")[1]
    call("SADD", dependencies_key(id), condition .. ":" .. parent)
    if FINAL[state] then
      ended[#ended + 1] = { condition, parent, state }
    else
      call("SADD", children_key(parent), condition .. ":" .. id)
    end
  end
  for _, edge in ipairs(ended) do
    tell(id, edge[1], edge[2], edge[3], retention)
  end
end

-- What became final and has children is to be told.
local function find_parents()
  if #ended == 0 then
    return
  end
  local names = {}
  for n, id in ipairs(ended) do
    names[n] = children_key(id)
  end
  if call("EXISTS", unpack(names)) > 0 then
    for n, id in ipairs(ended) do
      if call("EXISTS", names[n]) == 1 then
        call("SADD", resolve_key(), id)
      end
    end
  end
  ended = {}
end

-- Tell up to `budget` children of what became final. Return 1 when there may be more.
local function tell_children(budget, retention)
  while budget > 0 do
    local parent = call("SRANDMEMBER", resolve_key())
    if not parent then
      return 0
    end
    local task = read_task(parent, "state")
    local state = task and task[1] or "gone"
    if FINAL[state] or not task then
      local edges = call("SPOP", children_key(parent), budget)
      for _, edge in ipairs(edges) do
        local condition, child = string.match(edge, "^(%a+):(.+)$")
        if child then
          tell(child, condition, parent, state, retention)
        end
      end
      budget = budget - #edges
    end
    -- One that is not final was reset meanwhile: its children wait for it once more.
    if task and not FINAL[state] or call("EXISTS", children_key(parent)) == 0 then
      call("SREM", resolve_key(), parent)
    end
    budget = budget - 1
    find_parents()
  end
  return call("EXISTS", resolve_key())
end

-- How every script that finalizes tasks ends. Returns as tell_children().
local function fan_out(budget, retention)
  find_parents()
  local more = 0
  if call("EXISTS", resolve_key()) == 1 then
    more = tell_children(budget, retention)
  end
  add_gathered()
  flush_counts()
  return more
end
