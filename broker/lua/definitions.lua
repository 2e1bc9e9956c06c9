-- definitions.lua: what tasks share, stored with the first task that refers to it.
--
-- A part of other scripts (`Uses`); needs prelude.lua.
-- Nothing is written for a definition that no task of the call uses, so none is left without one.

local sent_definitions = {} -- digest -> {encoded, blobs}: those that came with the call

-- What is missing of a definition, or nil when it is stored (now).
local function define(digest)
  if call("EXISTS", definition_key(digest)) == 1 then
    return nil
  end
  local new = sent_definitions[digest]
  if not new then
    return "missing-definition"
  end
  for _, blob in ipairs(new.blobs) do
    if call("EXISTS", blob_key(blob)) == 0 then
      return "missing-blob"
    end
  end
  call("SET", definition_key(digest), new.encoded)
  for _, blob in ipairs(new.blobs) do
    call("PERSIST", blob_key(blob))
    call("HINCRBY", references_key(), "blob:" .. blob, 1)
  end
end

local checked, users = {}, {} -- by definition: what is missing or false; new tasks

-- Count one more user of a definition; or say what is missing.
local function refer(digest)
  if checked[digest] == nil then
    checked[digest] = define(digest) or false
  end
  if checked[digest] then
    return checked[digest]
  end
  users[digest] = (users[digest] or 0) + 1
end

-- Write how many users each definition has got in this call.
local function count_users()
  for digest, count in pairs(users) do
    call("HINCRBY", references_key(), "d:" .. digest, count)
  end
end
