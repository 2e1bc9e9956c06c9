-- label.lua: give a task labels, and take some from it.
--
-- Uses     states.lua, amending.lua
-- KEYS[1]  prefix
-- ARGV[1]  task id
-- ARGV[2]  number of labels to set, then name, value of each
-- then     number of labels to remove, then their names
--
-- Returns  {labelled} | {unchanged} | {missing} no such task | {crowded} it would have more than
--          100 | {unreadable} x: is no hash; nothing is written unless labelled
-- Writes   x: labels, by:label:; an event. Labels that are not JSON, or no texts, are forgotten.
--          Of a final task also what amending.lua says.
-- Cost     O(labels log N)

local id, set_count = ARGV[1], tonumber(ARGV[2])
local first_removed = 4 + 2 * set_count
local MOST_LABELS, MOST_READ = 100, 1000

local function read_labels()
  local stored, labels, count = try("HGET", extra_key(id), "labels"), {}, 0
  if type(stored) == "table" then
    return nil
  end
  local is_json, found = pcall(cjson.decode, stored or "{}")
  for name, value in pairs(is_json and type(found) == "table" and found or {}) do
    if count < MOST_READ and type(name) == "string" and type(value) == "string" then
      labels[name], count = value, count + 1
    end
  end
  return labels, count
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
  ["\b"] = "\\b", ["\f"] = "\\f" }

-- A text in JSON, byte by byte as the client writes it. cjson escapes more.
local function quoted(text)
  return '"' .. string.gsub(text, '[%z\1-\31"\\]', function(char)
    return ESCAPES[char] or string.format("\\u%04x", string.byte(char))
  end) .. '"'
end

local function encode(labels)
  local names, parts = {}, {}
  for name in pairs(labels) do
    names[#names + 1] = name
  end
  table.sort(names)
  for n, name in ipairs(names) do
    parts[n] = quoted(name) .. ":" .. quoted(labels[name])
  end
  return "{" .. table.concat(parts, ",") .. "}", #names
end

local task = read_task(id, "state", "queue", "edits", "archived_ms")
if not task then
  return { "missing" }
end
local before, count_before = read_labels()
local after = read_labels()
if not before then
  return { "unreadable" }
end
for n = 3, 2 + 2 * set_count, 2 do
  after[ARGV[n]] = ARGV[n + 1]
end
for n = first_removed, first_removed + tonumber(ARGV[first_removed - 1]) - 1 do
  after[ARGV[n]] = nil
end
local text, count = encode(after)
if count > MOST_LABELS and count > count_before then
  return { "crowded" }
end
if text == encode(before) then
  return { "unchanged" }
end

for name, value in pairs(before) do
  if after[name] ~= value then
    call("ZREM", index_key("label", name .. "=" .. value), id)
  end
  if not after[name] then
    call("ZREM", index_key("label", name), id)
  end
end
for name, value in pairs(after) do
  if before[name] ~= value then
    call("ZADD", index_key("label", name), "0", id)
    call("ZADD", index_key("label", name .. "=" .. value), "0", id)
  end
end
if count == 0 then
  call("HDEL", extra_key(id), "labels")
else
  call("HSET", extra_key(id), "labels", text)
end
note_amended(id, task[1], task[3], task[4])
event(id, "labelled", string.sub(text, 1, 200), "state", task[1], "queue", task[2])
return { "labelled" }
