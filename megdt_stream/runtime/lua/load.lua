-- Load twins and rows of a partition's view.
-- KEYS[1] own hash; ARGV: view prefix, MessagePack {trainees, {hash suffix, {field, ...}, ...}, {hash suffix, ...}}.
-- Returns {twins with what is kept beside them (one field/value list each), rows (one value list a hash),
--   whole hashes (one field/value list each)}.
local wanted = cmsgpack.unpack(ARGV[2])
local prefix = ARGV[1]
local twins, rows, whole = {}, {}, {}
for i, trainee in ipairs(wanted[1]) do
  local twin = redis.call('HGETALL', prefix .. 't:' .. trainee)
  local beside = redis.call('HGETALL', prefix .. 'p:' .. trainee)
  for j = 1, #beside do twin[#twin + 1] = beside[j] end
  twins[i] = twin
end
local shards = wanted[2]
for i = 1, #shards, 2 do
  rows[#rows + 1] = redis.call('HMGET', prefix .. shards[i], unpack(shards[i + 1]))
end
for i, name in ipairs(wanted[3]) do whole[i] = redis.call('HGETALL', prefix .. name) end
return {twins, rows, whole}
