-- Sends the lines of a file as POST bodies, in a random order; counts what is not 200.
-- Arguments: file, threads. Each line: path <tab> token <tab> body [<tab> DPoP proof].
-- A line with a proof is sent once: the threads take turns through the file.
local threads, counter = {}, 0

function setup(thread)
  thread:set("seed", counter)
  counter = counter + 1
  table.insert(threads, thread)
end

function init(args)
  math.randomseed(os.time() * 31 + seed)
  lines, bad, at, step, once = {}, 0, seed, tonumber(args[2]), false
  for line in io.lines(args[1]) do
    local path, token, body, proof = line:match("([^\t]*)\t([^\t]*)\t([^\t]*)\t?([^\t]*)")
    local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token }
    if proof ~= "" then
      once, headers["Authorization"], headers["DPoP"] = true, "DPoP " .. token, proof
    end
    lines[#lines + 1] = wrk.format("POST", path, headers, body)
  end
end

function request()
  if not once then return lines[math.random(#lines)] end
  at = at + step
  return lines[(at - 1) % #lines + 1]
end

function response(status) if status ~= 200 then bad = bad + 1 end end

function done(summary, latency)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + thread:get("bad") end
  local e = summary.errors
  io.write(string.format('\nRESULT {"requests": %d, "us": %d, "p50_us": %d, "p95_us": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99),
    refused + e.connect + e.read + e.write + e.timeout))
end
