-- hello.lua: called first on every new connection, so that an outage of Redis is no worker's death.
--
-- KEYS[1]  prefix
-- ARGV[1]  run id   of the server, as INFO tells it
-- ARGV[2]  lease    integer, ms
-- ARGV[3]  beat     integer, ms
-- ARGV[4]  birth    random; what the namespace is known by from now on, if nothing is yet
--
-- A new run id is a Redis that restarted or failed over, maybe with an older state. Claims wait
-- for two beats, so that whoever holds a task says so first, and reaping waits for one lease.
-- Another birth than before is a Redis that came back with nothing.
--
-- Returns  {now, held_until, birth}: no claims before held_until (Unix ms)
-- Writes   g: birth once; run_id, hold_claims_until (only if a task runs or a worker is known), hold_reaping_until
-- Cost     O(1)

local run_id, lease, beat = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local stored = call("HMGET", globals__key(), "run_id", "hold_claims_until")
local held_until = whole(stored[2], 0)
if stored[1] ~= run_id then
  call("HSET", globals__key(), "run_id", run_id)
  if stored[1] then
    call("HSET", globals__key(), "hold_reaping_until", I(NOW + lease))
    -- A worker may hold what an older Redis does not know to run.
    if call("EXISTS", leases_key(), workers_key()) > 0 then
      held_until = NOW + 2 * beat
      call("HSET", globals__key(), "hold_claims_until", I(held_until))
    end
  end
end
call("HSETNX", globals__key(), "birth", ARGV[4])
return { NOW, held_until, string.sub(call("HGET", globals__key(), "birth"), 1, 64) }
