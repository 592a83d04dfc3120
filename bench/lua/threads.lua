-- What the threads of wrk have each for itself. A thread has its number before it begins.
local threads = 0
local others = tonumber(os.getenv("THREADS")) - 1

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

-- The lines of a file that are for this thread: each line is for one.
function own_lines(path)
  local file = assert(io.open(path))
  for _ = 1, number do file:read() end
  return function()
    local line = file:read()
    for _ = 1, others do file:read() end
    return line
  end
end
