-- Take a partition. KEYS[1] own hash.
-- ARGV: generation, token, owner, start offset, topic id, generation that may be overridden ('' for none), end of the log.
-- Returns {'ok', created (0/1)}, {'refused', stored generation, stored offset} or {'recreated', stored topic id}.
local stored = redis.call('HMGET', KEYS[1], 'generation', 'topic_id', 'offset')
if stored[2] and stored[2] ~= ARGV[5] then return {'recreated', stored[2]} end
if stored[1] and tonumber(ARGV[1]) < tonumber(stored[1]) and stored[1] ~= ARGV[6] then
  return {'refused', stored[1], stored[3]}
end
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'token', ARGV[2], 'owner', ARGV[3], 'topic_id', ARGV[5])
local created = redis.call('HSETNX', KEYS[1], 'offset', ARGV[4])
redis.call('HSETNX', KEYS[1], 'view', 'a')
-- Below this offset a replay finds messages that were sent before the store was lost.
if created == 1 then redis.call('HSET', KEYS[1], 'replay_until', ARGV[7]) end
return {'ok', created}
