-- Intake: the pending batch is on the log; step over it. KEYS[1] own hash, KEYS[2] pending hash, KEYS[3] counts hash.
-- ARGV: token, base, end, watermark, then counter, n, ...
-- Returns {1}, {2} done before, {-1, offset} other token, {-2, offset} other offset.
local own = redis.call('HMGET', KEYS[1], 'token', 'offset', 'watermark')
if own[1] ~= ARGV[1] then return {-1, own[2]} end
if own[2] ~= ARGV[2] then
  if own[2] == ARGV[3] then return {2} end
  return {-2, own[2]}
end
for i = 5, #ARGV, 2 do redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'offset', ARGV[3])
if tonumber(ARGV[4]) > tonumber(own[3] or '-1') then redis.call('HSET', KEYS[1], 'watermark', ARGV[4]) end
redis.call('DEL', KEYS[2])
return {1}
