-- waking.lua: a queue that was held back is open again.
--
-- A part of other scripts (`Uses`); needs prelude.lua and ready.lua.

local MOST_WOKEN, MOST_LOOKED_AT = 128, 4096

-- Wake as many parked workers as there are tasks that may run now. What is beyond MOST_WOKEN is
-- left to tick.lua.
local function wake_for_ready(queue)
  local left = math.min(limits_of(queue).room, MOST_WOKEN)
  if left <= 0 then
    return
  end
  for _, shape in ipairs(call("SRANDMEMBER", queue_shapes_key(queue), MOST_LOOKED_AT)) do
    local waiting = call("ZCARD", ready_key(queue, shape))
    while left > 0 and waiting > 0 and wake(queue, shape) do
      left, waiting = left - 1, waiting - 1
    end
  end
end
