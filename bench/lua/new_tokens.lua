-- A token never seen before with each request: the lines of the file TOKENS, each once.
dofile(os.getenv("LUA") .. "/told.lua")

local requests, sent = {}, 0

function init()
  for token in io.lines(os.getenv("TOKENS")) do
    requests[#requests + 1] = wrk.format("GET", nil, {Authorization = "Bearer " .. token})
  end
end

-- Behind the last one they begin again; who reads the result sees that there were not enough.
function request()
  sent = sent % #requests + 1
  return requests[sent]
end
