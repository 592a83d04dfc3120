-- What wrk found, as one line of JSON.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

-- The lines of a file that are for this thread of wrk: each is for one. A thread has its number before it begins.
local threads = 0
local others = tonumber(os.getenv("THREADS")) - 1

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function own_lines(path)
  local file = assert(io.open(path))
  for _ = 1, number do file:read() end
  return function()
    local line = file:read()
    for _ = 1, others do file:read() end
    return line
  end
end
