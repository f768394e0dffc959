-- Rebuild: make a new view the live one. KEYS[1] own hash; ARGV: old view, new view, offset, now, token, format.
-- Returns 1, or 0 when the live cursor or view is not where the rebuild stands.
local own = redis.call('HMGET', KEYS[1], 'view', 'offset', 'now')
if own[1] ~= ARGV[1] or own[2] ~= ARGV[3] or (own[3] or '0') ~= ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], 'view', ARGV[2], 'token', ARGV[5], 'format', ARGV[6])
return 1
