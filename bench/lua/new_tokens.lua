-- A token never seen before with each request: the lines of the file TOKENS, each once.
dofile(os.getenv("LUA") .. "/told.lua")
dofile(os.getenv("LUA") .. "/threads.lua")

local before, behind, tokens

-- A line is read when it is needed: a thread begins as soon as it is made, and would not wait for one that reads for long.
function init()
  before, behind = wrk.format("GET", nil, {Authorization = "Bearer @"}):match("^(.*)@(.*)$")
  tokens = own_lines(os.getenv("TOKENS"))
end

-- Behind the last one they begin again; who reads the result sees that there were not enough.
function request()
  local token = tokens()
  if not token then
    tokens = own_lines(os.getenv("TOKENS"))
    token = tokens()
  end
  return before .. token .. behind
end
