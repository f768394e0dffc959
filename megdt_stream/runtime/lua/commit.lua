-- One fenced, atomic commit of a partition's batch.
-- KEYS[1] own hash, KEYS[2] outbox; ARGV[1] view prefix, ARGV[2] token, ARGV[3] base, ARGV[4] end, ARGV[5] now, ARGV[6] MessagePack:
--   {hashes {key suffix, {field, value, ...}, {gone, ...}, ...},
--    due {score, member, ...}, not due {member, ...}, seen {field, value, ...}, counts {field, n, ...}, out {score, member, ...},
--    touched {trainee, ...}, not touched {trainee, ...}, own {field, value, ...}}
-- Returns {1} done, {2} done before (my own lost reply), {-1, offset} other token, {-2, offset} other offset.
-- MULTI and Lua do not roll back, so whatever can fail is looked at before the first write.
local own = redis.call('HMGET', KEYS[1], 'token', 'offset')
if own[1] ~= ARGV[2] then return {-1, own[2]} end
if own[2] ~= ARGV[3] then
  if own[2] == ARGV[4] then return {2} end
  return {-2, own[2]}
end
local prefix = ARGV[1]
local change = cmsgpack.unpack(ARGV[6])
local hashes, counts, out = change[1], change[5], change[6]

local function check(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    return redis.error_reply('WRONGKIND ' .. key .. ' is a ' .. found .. ', not a ' .. kind)
  end
end
local wrong = check(KEYS[2], 'zset') or check(prefix .. 'due', 'zset') or check(prefix .. 'seen', 'hash')
  or check(prefix .. 'counts', 'hash') or check(prefix .. 'touched', 'set')
for i = 1, #hashes, 3 do wrong = wrong or check(prefix .. hashes[i], 'hash') end
if wrong then return wrong end
for i = 1, #counts, 2 do
  local n = redis.call('HGET', prefix .. 'counts', counts[i])
  if n and not string.match(n, '^%-?%d+$') then
    return redis.error_reply('WRONGKIND ' .. prefix .. 'counts holds no number under ' .. counts[i])
  end
end

-- unpack() takes its arguments from the C stack, which holds about 8,000.
local CHUNK = 4000
local function each(command, key, list)
  if #list <= CHUNK then
    if #list > 0 then redis.call(command, key, unpack(list)) end
    return
  end
  for i = 1, #list, CHUNK do redis.call(command, key, unpack(list, i, math.min(i + CHUNK - 1, #list))) end
end

for i = 1, #hashes, 3 do
  local key = prefix .. hashes[i]
  each('HSET', key, hashes[i + 1])
  each('HDEL', key, hashes[i + 2])
end
each('ZADD', prefix .. 'due', change[2])
each('ZREM', prefix .. 'due', change[3])
each('HSET', prefix .. 'seen', change[4])
for i = 1, #counts, 2 do redis.call('HINCRBY', prefix .. 'counts', counts[i], counts[i + 1]) end
each('ZADD', KEYS[2], out)
each('SADD', prefix .. 'touched', change[7])
each('SREM', prefix .. 'touched', change[8])
each('HSET', KEYS[1], change[9])
redis.call('HSET', KEYS[1], 'offset', ARGV[4], 'now', ARGV[5])
return {1}
