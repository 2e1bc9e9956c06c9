-- gathering.lua: what many tasks of a call add to one sorted set, in one command.
--
-- A part of other scripts (`Uses`); needs prelude.lua.

local MOST_GATHERED = 2000 -- scores and members of one command: Lua's stack has a limit

local gathered = {} -- key -> scores and members

local function gather(key, score, member)
  local list = gathered[key]
  if not list then
    list = {}
    gathered[key] = list
  end
  local length = #list
  list[length + 1], list[length + 2] = score, member
end

local function add_gathered()
  for key, list in pairs(gathered) do
    for n = 1, #list, MOST_GATHERED do
      call("ZADD", key, unpack(list, n, math.min(n + MOST_GATHERED - 1, #list)))
    end
  end
  gathered = {}
end
