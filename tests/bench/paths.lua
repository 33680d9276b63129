-- wrk: GETs the paths of the file HALLMARK_BENCH_PATHS in turn, and says how long the answers took: a line
-- "percentiles", of 50 and 99 in microseconds.
local paths, asked = {}, 0

for path in io.lines(assert(os.getenv("HALLMARK_BENCH_PATHS"))) do
	paths[#paths + 1] = path
end

function request()
	asked = asked % #paths + 1
	return wrk.format("GET", paths[asked])
end

function done(_, latency)
	io.write(string.format("percentiles %d %d\n", latency:percentile(50), latency:percentile(99)))
end
