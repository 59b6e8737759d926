/**
 * What is done to the streams in one step each. `KEYS[1]` is the head: `log`, `seq`, `event`, and for each stream the last number that
 * was put into it (`last:`) and the number below which it has been trimmed (`floor:`). The other keys are the streams.
 *
 * An entry is put behind the last one of its stream, or it is there: under its number, with its event in it. Redis itself only
 * refuses numbers that are not larger, and that would hide a publisher who skips one.
 */
const STANDING = `
local function number(id) return tonumber(string.match(id or '', '^%d+')) or 0 end
local top, floor, lost = {}, {}, false
for i = 2, #KEYS do
  local kept = redis.call('HMGET', KEYS[1], 'last:' .. KEYS[i], 'floor:' .. KEYS[i])
  top[i] = 0
  if redis.call('EXISTS', KEYS[i]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[i])
    for at = 1, #info, 2 do if info[at] == 'last-generated-id' then top[i] = number(info[at + 1]) end end
  end
  if top[i] < number(kept[1]) then lost = true end
  floor[i] = number(kept[2])
end
`

export const LOOK = `${STANDING}
local head = redis.call('HMGET', KEYS[1], 'log', 'seq', 'event')
local seen = { head[1] or '', head[2] or '', head[3] or '', lost and 1 or 0 }
for i = 2, #KEYS do seen[i + 3] = redis.call('XLEN', KEYS[i]) end
return seen
`

/** Where it was seen ('' for nowhere), the log, where it is to stand, whether the streams go. */
export const BEGIN = `
if (redis.call('HGET', KEYS[1], 'seq') or '') ~= ARGV[1] then return 0 end
if ARGV[4] == '1' then redis.call('DEL', unpack(KEYS)) end
for i = 2, #KEYS do redis.call('HDEL', KEYS[1], 'last:' .. KEYS[i]) end
redis.call('HSET', KEYS[1], 'log', ARGV[2], 'seq', ARGV[3], 'event', '')
return 1
`

/** The log, the place of the head, and for each event the place of its stream among the keys (0: none), number, id, how many words its fields are, and those: the envelope first. */
export const PUBLISH = `
local head = redis.call('HMGET', KEYS[1], 'log', 'seq')
if head[1] ~= ARGV[1] or head[2] ~= ARGV[2] then return { 'moved' } end
${STANDING}
if lost then return { 'lost' } end
local added, found = 0, 0
local moved = {}
local at, seq, id = 3, '', ''
while at < #ARGV do
  local i, count = tonumber(ARGV[at]), tonumber(ARGV[at + 3])
  seq, id = ARGV[at + 1], ARGV[at + 2]
  if i > 0 and tonumber(seq) > top[i] then
    redis.call('XADD', KEYS[i], seq .. '-0', unpack(ARGV, at + 4, at + 3 + count))
    top[i] = tonumber(seq)
    added = added + 1
  elseif i > 0 then
    local there = redis.call('XRANGE', KEYS[i], seq .. '-0', seq .. '-0')[1]
    local is = there and string.find(there[2][2], id, 1, true)
    if not is and tonumber(seq) >= floor[i] then return { 'other' } end
    found = found + 1
  end
  if i > 0 then moved[i] = seq end
  at = at + 4 + count
end
redis.call('HSET', KEYS[1], 'seq', seq, 'event', id)
for i, seq in pairs(moved) do redis.call('HSET', KEYS[1], 'last:' .. KEYS[i], seq) end
return { 'published', added, found }
`

/** The log, and for each stream the number below which its entries go. Those of another log stay: its numbers are not ours. */
export const TRIM = `
if redis.call('HGET', KEYS[1], 'log') ~= ARGV[1] then return 0 end
local gone = 0
for i = 2, #KEYS do
  local floor = ARGV[i]
  if redis.call('EXISTS', KEYS[i]) == 1 then gone = gone + redis.call('XTRIM', KEYS[i], 'MINID', floor .. '-0') end
  if tonumber(floor) > tonumber(redis.call('HGET', KEYS[1], 'floor:' .. KEYS[i]) or '0') then
    redis.call('HSET', KEYS[1], 'floor:' .. KEYS[i], floor)
  end
end
return gone
`
