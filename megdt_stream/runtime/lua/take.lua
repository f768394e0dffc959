-- Take a partition. KEYS[1] own hash.
-- ARGV: generation, token, owner, start offset, topic id, generation that may be overridden ('' for none), end of the log,
--   format of the twins ('' where there are none).
-- Returns {'ok', created (0/1)}, {'refused', stored generation, stored offset}, {'recreated', stored topic id} or
--   {'format', stored format}.
local stored = redis.call('HMGET', KEYS[1], 'generation', 'topic_id', 'offset', 'format')
if stored[2] and stored[2] ~= ARGV[5] then return {'recreated', stored[2]} end
if ARGV[8] ~= '' then
  -- The first format was written before it had a number.
  local format = stored[4] or (stored[3] and '1') or ARGV[8]
  if format ~= ARGV[8] then return {'format', format} end
end
if stored[1] and tonumber(ARGV[1]) < tonumber(stored[1]) and stored[1] ~= ARGV[6] then
  return {'refused', stored[1], stored[3]}
end
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'token', ARGV[2], 'owner', ARGV[3], 'topic_id', ARGV[5])
local created = redis.call('HSETNX', KEYS[1], 'offset', ARGV[4])
redis.call('HSETNX', KEYS[1], 'view', 'a')
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'format', ARGV[8]) end
-- Below this offset a replay finds messages that were sent before the store was lost.
if created == 1 then redis.call('HSET', KEYS[1], 'replay_until', ARGV[7]) end
return {'ok', created}
