-- Intake: keep a decided batch before it is produced. KEYS[1] own hash, KEYS[2] pending hash.
-- ARGV: token, base, end, body. Returns {1}, {-1, offset} other token, {-2, offset} other offset.
local own = redis.call('HMGET', KEYS[1], 'token', 'offset')
if own[1] ~= ARGV[1] then return {-1, own[2]} end
if own[2] ~= ARGV[2] then return {-2, own[2]} end
redis.call('HSET', KEYS[2], 'base', ARGV[2], 'end', ARGV[3], 'body', ARGV[4])
return {1}
