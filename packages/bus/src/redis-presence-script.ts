/**
 * What presence does inside Redis: one Lua script, every operation one atomic step. All keys begin with KEYS[1], whose braces keep them in
 * one slot of a cluster. Times are Redis' own, unless a test gives one.
 *
 *   <p>epoch                 random, as old as what is kept here: another one tells nodes that everything was lost
 *   <p>nodes                 hash: node -> when it last said that it lives
 *   <p>swept                 when anybody last swept
 *   <p>user:<id>             hash: "manual" -> status, connection -> "<asleep>|<ended at>|<grace ms>|<node>|<record as JSON>"
 *   <p>node:<node>           set of "<user> <connection>" that the node looks after
 *   <p>ended                 sorted set of "<user> <connection>" by the moment from which they do not count any more
 *   <p>claim:<key>           "<node> <connection>"; <p>claims:<node> the keys that the node's connections hold
 *   <p>attending:<id>        hash: connection -> "<node> <user>"; <p>attends:<node> set of "<conversation> <connection>"
 */
import { NODE_DEAD_MS } from './presence-terms.ts';

/** Longer without any sweep, and it was Redis or all nodes that stood still: nobody is declared dead for that. */
const STANDSTILL_MS = 5_000;
/** Connections that one sweep takes out at most, so that no step is long. */
export const SWEEP_LIMIT = 1_000;

export const PRESENCE_SCRIPT = `
local p = KEYS[1]
local op = ARGV[1]
local now = tonumber(ARGV[2])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function user_key(user) return p .. 'user:' .. user end
local function snapshot(user) return redis.call('HGETALL', user_key(user)) end
local function split(value)
  local asleep, ended, grace, node, json = string.match(value, '^(%d)|(%d*)|(%d+)|([^|]*)|(.*)$')
  return { asleep = asleep, ended = ended, grace = tonumber(grace), node = node, json = json }
end
local function put(user, connection, record)
  redis.call('HSET', user_key(user), connection,
    record.asleep .. '|' .. record.ended .. '|' .. string.format('%.0f', record.grace) .. '|' .. record.node .. '|' .. record.json)
end
local function find(user, connection)
  local value = redis.call('HGET', user_key(user), connection)
  return value and split(value)
end
local function connections(user)
  local found = {}
  local all = snapshot(user)
  for i = 1, #all, 2 do
    if all[i] ~= 'manual' then found[all[i]] = split(all[i + 1]) end
  end
  return found
end
local function all_asleep(user)
  local any = false
  for _, record in pairs(connections(user)) do
    any = true
    if record.asleep == '0' then return false end
  end
  return any
end
local function drop(user, connection, node)
  redis.call('HDEL', user_key(user), connection)
  redis.call('SREM', p .. 'node:' .. node, user .. ' ' .. connection)
  redis.call('ZREM', p .. 'ended', user .. ' ' .. connection)
  if next(connections(user)) == nil then redis.call('DEL', user_key(user)) end
end
local function mark_ended(user, connection, record, ended)
  record.ended = string.format('%.0f', ended)
  put(user, connection, record)
  redis.call('SREM', p .. 'node:' .. record.node, user .. ' ' .. connection)
  redis.call('ZADD', p .. 'ended', string.format('%.0f', ended + record.grace), user .. ' ' .. connection)
end
local function is_alive(node)
  local at = redis.call('HGET', p .. 'nodes', node)
  return at and now - tonumber(at) < ${NODE_DEAD_MS}
end

local ops = {}

function ops.refresh(node, epoch)
  redis.call('SETNX', p .. 'epoch', epoch)
  local known = redis.call('HEXISTS', p .. 'nodes', node)
  redis.call('HSET', p .. 'nodes', node, string.format('%.0f', now))
  return { redis.call('GET', p .. 'epoch'), known }
end

-- fresh: the outcome of an earlier try is unknown, so what it may have written does not count as before.
function ops.register(user, connection, node, initial, fresh, asleep, ended, grace, json)
  local known = find(user, connection)
  if fresh == '1' and known then
    drop(user, connection, known.node)
    known = nil
  end
  local before = snapshot(user)
  local first = #before == 0
  if first and (initial == 'idle' or initial == 'offline') then redis.call('HSET', user_key(user), 'manual', initial) end
  if not first and initial ~= '' and all_asleep(user) then asleep = '1' end
  if known then
    redis.call('SREM', p .. 'node:' .. known.node, user .. ' ' .. connection)
    redis.call('ZREM', p .. 'ended', user .. ' ' .. connection)
  end
  local record = { asleep = asleep, ended = '', grace = tonumber(grace), node = node, json = json }
  put(user, connection, record)
  redis.call('SADD', p .. 'node:' .. node, user .. ' ' .. connection)
  if ended ~= '' then mark_ended(user, connection, record, tonumber(ended)) end
  return { before, snapshot(user) }
end

-- The rest of the arguments: keys that the connection claimed (as many as \`claims\` says), conversations that it attended.
ops['end'] = function(user, connection, grace, node, claims, ...)
  for i, held in ipairs({ ... }) do
    if i <= tonumber(claims) then ops.unclaim(held, node, connection) else ops.unattend(held, node, connection) end
  end
  local before = snapshot(user)
  local record = find(user, connection)
  if record and (record.ended == '' or grace ~= '') then
    if grace ~= '' then record.grace = tonumber(grace) end
    local ended = record.ended == '' and now or tonumber(record.ended)
    if record.grace <= 0 then drop(user, connection, record.node)
    else mark_ended(user, connection, record, ended) end
  end
  return { before, snapshot(user) }
end

function ops.asleep(user, connection, asleep)
  local before = snapshot(user)
  local record = find(user, connection)
  if record then
    record.asleep = asleep
    put(user, connection, record)
  end
  return { before, snapshot(user) }
end

function ops.manual(user, status, by)
  local before = snapshot(user)
  if #before == 0 then return { before, before } end
  if status ~= 'online' then
    redis.call('HSET', user_key(user), 'manual', status)
  else
    redis.call('HDEL', user_key(user), 'manual')
    local acting = by ~= '' and find(user, by)
    if acting then
      acting.asleep = '0'
      put(user, by, acting)
    end
    if all_asleep(user) then
      for connection, record in pairs(connections(user)) do
        record.asleep = '0'
        put(user, connection, record)
      end
    end
  end
  return { before, snapshot(user) }
end

function ops.get(...)
  local found = {}
  for i, user in ipairs({ ... }) do found[i] = snapshot(user) end
  return found
end

-- Answers { how many were taken out, user, before, after, user, before, after, ... }.
function ops.sweep(limit)
  limit = tonumber(limit)
  local swept = tonumber(redis.call('GET', p .. 'swept') or 0)
  redis.call('SET', p .. 'swept', string.format('%.0f', now))
  local nodes = redis.call('HGETALL', p .. 'nodes')
  local befores, order, count = {}, {}, 0
  local function remember(user)
    if befores[user] then return end
    befores[user] = snapshot(user)
    order[#order + 1] = user
  end
  for i = 1, #nodes, 2 do
    local node, at = nodes[i], tonumber(nodes[i + 1])
    if now - swept > ${STANDSTILL_MS} then
      redis.call('HSET', p .. 'nodes', node, string.format('%.0f', math.max(at, now)))
    elseif now - at >= ${NODE_DEAD_MS} and count < limit then
      local held = redis.call('SRANDMEMBER', p .. 'node:' .. node, limit - count)
      for _, member in ipairs(held) do
        local user, connection = string.match(member, '^(%S+) (.*)$')
        local record = find(user, connection)
        count = count + 1
        if record then
          remember(user)
          mark_ended(user, connection, record, at + ${NODE_DEAD_MS})
        else
          redis.call('SREM', p .. 'node:' .. node, member)
        end
      end
      if redis.call('SCARD', p .. 'node:' .. node) == 0 then
        for _, key in ipairs(redis.call('SMEMBERS', p .. 'claims:' .. node)) do
          local holder = redis.call('GET', p .. 'claim:' .. key)
          if holder and string.sub(holder, 1, #node + 1) == node .. ' ' then redis.call('DEL', p .. 'claim:' .. key) end
        end
        for _, member in ipairs(redis.call('SMEMBERS', p .. 'attends:' .. node)) do
          local conversation, connection = string.match(member, '^(%S+) (.*)$')
          redis.call('HDEL', p .. 'attending:' .. conversation, connection)
        end
        redis.call('DEL', p .. 'claims:' .. node, p .. 'attends:' .. node)
        redis.call('HDEL', p .. 'nodes', node)
      end
    end
  end
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', p .. 'ended', '-inf', now, 'LIMIT', 0, limit)) do
    local user, connection = string.match(member, '^(%S+) (.*)$')
    local record = find(user, connection)
    count = count + 1
    if record then
      remember(user)
      drop(user, connection, record.node)
    else
      redis.call('ZREM', p .. 'ended', member)
    end
  end
  local answer = { count }
  for _, user in ipairs(order) do
    answer[#answer + 1] = user
    answer[#answer + 1] = befores[user]
    answer[#answer + 1] = snapshot(user)
  end
  return answer
end

-- Answers { user, snapshot, user, snapshot, ... }.
function ops.list(only)
  local users, seen, answer = {}, {}, {}
  local function see(member)
    local user = string.match(member, '^(%S+) ')
    if not seen[user] then
      seen[user] = true
      users[#users + 1] = user
    end
  end
  if only ~= '' then
    users = { only }
  else
    for _, node in ipairs(redis.call('HKEYS', p .. 'nodes')) do
      for _, member in ipairs(redis.call('SMEMBERS', p .. 'node:' .. node)) do see(member) end
    end
    for _, member in ipairs(redis.call('ZRANGE', p .. 'ended', 0, -1)) do see(member) end
  end
  for _, user in ipairs(users) do
    answer[#answer + 1] = user
    answer[#answer + 1] = snapshot(user)
  end
  return answer
end

-- free: only when nobody holds it (what was lost is claimed again).
function ops.claim(key, node, connection, free)
  local holder = redis.call('GET', p .. 'claim:' .. key)
  if free == '1' and holder then return false end
  redis.call('SET', p .. 'claim:' .. key, node .. ' ' .. connection)
  redis.call('SADD', p .. 'claims:' .. node, key)
  if not holder then return false end
  local previous_node, previous = string.match(holder, '^(%S+) (.*)$')
  if previous == connection or not is_alive(previous_node) then return false end
  return previous
end

function ops.unclaim(key, node, connection)
  if redis.call('GET', p .. 'claim:' .. key) == node .. ' ' .. connection then redis.call('DEL', p .. 'claim:' .. key) end
  redis.call('SREM', p .. 'claims:' .. node, key)
end

function ops.attend(conversation, node, connection, user, limit)
  local key = p .. 'attending:' .. conversation
  if limit ~= '' and redis.call('HEXISTS', key, connection) == 0 then
    local others = 0
    for _, value in ipairs(redis.call('HVALS', key)) do
      if is_alive(string.match(value, '^(%S+) ')) then others = others + 1 end
    end
    if others >= tonumber(limit) then return 0 end
  end
  redis.call('HSET', key, connection, node .. ' ' .. user)
  redis.call('SADD', p .. 'attends:' .. node, conversation .. ' ' .. connection)
  return 1
end

function ops.unattend(conversation, node, connection)
  redis.call('HDEL', p .. 'attending:' .. conversation, connection)
  redis.call('SREM', p .. 'attends:' .. node, conversation .. ' ' .. connection)
end

function ops.attending(conversation)
  local all = redis.call('HGETALL', p .. 'attending:' .. conversation)
  local answer = {}
  for i = 1, #all, 2 do
    local node, user = string.match(all[i + 1], '^(%S+) (.*)$')
    if is_alive(node) then
      answer[#answer + 1] = all[i]
      answer[#answer + 1] = user
    end
  end
  return answer
end

return ops[op](unpack(ARGV, 3))
`;
