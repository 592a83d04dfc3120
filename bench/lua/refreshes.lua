-- Refreshes, each with the token that the last one gave. The file TOKENS has one more for each thread than it has connections.
dofile(os.getenv("LUA") .. "/told.lua")
dofile(os.getenv("LUA") .. "/threads.lua")

local tokens = {}
local first, last = 1, 0
local headers = {["Content-Type"] = "application/json"}

local function keep(token)
  last = last + 1
  tokens[last] = token
end

function init()
  for token in own_lines(os.getenv("TOKENS")) do keep(token) end
end

function request()
  local token = tokens[first]
  tokens[first], first = nil, first + 1
  return wrk.format("POST", nil, headers, '{"refresh_token": "' .. token .. '"}')
end

function response(_, _, body)
  keep(body:match('"refresh_token":"([^"]+)"'))
end
