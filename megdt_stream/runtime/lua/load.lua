-- Load twins and journal rows of a partition's view.
-- KEYS[1] own hash; ARGV: view prefix, MessagePack {trainees, {shard key suffix, {h, ...}, ...}}.
-- Returns {twins (one field/value list each), rows (one value list a shard)}.
local wanted = cmsgpack.unpack(ARGV[2])
local prefix = ARGV[1]
local twins, rows = {}, {}
for i, trainee in ipairs(wanted[1]) do
  twins[i] = redis.call('HGETALL', prefix .. 't:' .. trainee)
end
local shards = wanted[2]
for i = 1, #shards, 2 do
  rows[#rows + 1] = redis.call('HMGET', prefix .. 'j:' .. shards[i], unpack(shards[i + 1]))
end
return {twins, rows}
