-- Logins of users by chance, numbered up to USERS, by FIELD and password.
dofile(os.getenv("LUA") .. "/told.lua")
dofile(os.getenv("LUA") .. "/threads.lua")

-- Each thread would draw the same ones.
function init()
  math.randomseed(number + 1)
end

local users, field = tonumber(os.getenv("USERS")), os.getenv("FIELD")
local headers = {["Content-Type"] = "application/json"}

function request()
  local body = string.format(
    '{"%s": "user%d@example.com", "password": "correct horse battery staple"}', field, math.random(0, users - 1))
  return wrk.format("POST", nil, headers, body)
end
