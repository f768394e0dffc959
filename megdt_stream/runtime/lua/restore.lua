-- Restore intake's cursor after a loss of the store. KEYS[1] own hash, KEYS[2] counts hash, KEYS[3] pending hash.
-- ARGV: topic id, offset, watermark, then counter, n, ... Returns 1, or 0 when there is a cursor already.
-- A cursor under which nothing was settled or proposed is none: a worker made it that found the store empty and left.
-- Should one that goes on hold it, it is fenced and takes again.
local used = redis.call('EXISTS', KEYS[2], KEYS[3])
if redis.call('HEXISTS', KEYS[1], 'offset') == 1 and used > 0 then return 0 end
redis.call('HDEL', KEYS[1], 'token')
redis.call('HSET', KEYS[1], 'offset', ARGV[2], 'topic_id', ARGV[1], 'watermark', ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
