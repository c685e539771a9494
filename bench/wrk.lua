-- Sends the lines of a file as POST bodies, in a random order; counts what is not 200.
-- Arguments: file. Each line: path <tab> token <tab> body.
local threads, counter = {}, 0

function setup(thread)
  thread:set("seed", counter)
  counter = counter + 1
  table.insert(threads, thread)
end

function init(args)
  math.randomseed(os.time() * 31 + seed)
  lines, bad = {}, 0
  for line in io.lines(args[1]) do
    local path, token, body = line:match("([^\t]*)\t([^\t]*)\t(.*)")
    lines[#lines + 1] = wrk.format("POST", path, {
      ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token }, body)
  end
end

function request() return lines[math.random(#lines)] end

function response(status) if status ~= 200 then bad = bad + 1 end end

function done(summary, latency)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + thread:get("bad") end
  local e = summary.errors
  io.write(string.format('\nRESULT {"requests": %d, "us": %d, "p50_us": %d, "p95_us": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99),
    refused + e.connect + e.read + e.write + e.timeout))
end
