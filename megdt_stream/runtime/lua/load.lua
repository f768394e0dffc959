-- Load twins and rows of a partition's view.
-- KEYS[1] own hash; ARGV: view prefix, MessagePack {trainees, {hash suffix, {field, ...}, suffix of its words or '', ...},
--   {hash suffix, ...}}.
-- Returns {twins (what is kept of each and beside it, its archive, its journal's words: one field/value list each),
--   rows (one list of values a hash), words {suffix, field/value list} where there is a row, whole hashes (one list each)}.
local wanted = cmsgpack.unpack(ARGV[2])
local prefix = ARGV[1]
local twins, rows, words, whole = {}, {}, {}, {}
for i, trainee in ipairs(wanted[1]) do
  local twin = redis.call('HGETALL', prefix .. 't:' .. trainee)
  local beside = redis.call('HGETALL', prefix .. 'p:' .. trainee)
  for j = 1, #beside do twin[#twin + 1] = beside[j] end
  twins[i] = {twin, redis.call('HGETALL', prefix .. 'z:' .. trainee), redis.call('HGETALL', prefix .. 'n:' .. trainee)}
end

-- A journal row is cut into pieces of 64 bytes, the last of which is shorter.
local function rest(key, field, value)
  local n, piece = 0, value
  while #piece == 64 do
    n = n + 1
    piece = redis.call('HGET', key, field .. string.char(48 + n)) or ''
    value = value .. piece
  end
  return value
end
local shards = wanted[2]
local said = {}
for i = 1, #shards, 3 do
  local key, fields, suffix = prefix .. shards[i], shards[i + 1], shards[i + 2]
  local values = redis.call('HMGET', key, unpack(fields))
  if suffix ~= '' then
    for j = 1, #fields do
      if values[j] then
        values[j] = rest(key, fields[j], values[j])
        if not said[suffix] then
          said[suffix] = true
          words[#words + 1] = {suffix, redis.call('HGETALL', prefix .. suffix)}
        end
      end
    end
  end
  rows[#rows + 1] = values
end
for i, name in ipairs(wanted[3]) do whole[i] = redis.call('HGETALL', prefix .. name) end
return {twins, rows, words, whole}
