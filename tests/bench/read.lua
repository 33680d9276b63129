-- wrk: GET the versions 1.0.0 to 1.0.N of one model in turn; HALLMARK_BENCH_VERSIONS is how many there are.
local versions = tonumber(assert(os.getenv("HALLMARK_BENCH_VERSIONS")))
local asked = math.random(versions)

function request()
	asked = asked + 1
	return wrk.format("GET", "/api/v1/projects/default/models/bench-read/versions/1.0." .. asked % versions)
end
