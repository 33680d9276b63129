-- wrk: GET one version HALLMARK_BENCH_READS times of ten; the others make a version, over the models
-- bench-0 to bench-63, and add metrics to one, in turn. HALLMARK_BENCH_RUN keeps the runs' numbers apart.
local run = assert(os.getenv("HALLMARK_BENCH_RUN"))
local reads = tonumber(assert(os.getenv("HALLMARK_BENCH_READS")))
local project = "/api/v1/projects/default/models/"
local read = project .. "bench-read/versions/1.0.0"
local version = '{"version":"%s.%d.%d","params":{"epochs":100,"optimizer":"adamw"},"tags":{"framework":"onnx"}}'
local metrics = '{"metrics":[{"name":"loss","value":%f,"step":%d},{"name":"accuracy","value":0.92,"step":%d}]}'
local asked, written = math.random(10), 0

local function json(path, body)
	return wrk.format("POST", project .. path, { ["Content-Type"] = "application/json",
		Authorization = wrk.headers["Authorization"] }, body)
end

function request()
	asked = asked + 1
	if asked % 10 < reads then
		return wrk.format("GET", read)
	end
	written = written + 1
	if written % 2 == 0 then
		return json("bench-read/versions/1.0." .. math.random(1, 999) .. "/metrics",
			string.format(metrics, 1 / written, written, written))
	end
	return json("bench-" .. math.random(0, 63) .. "/versions",
		string.format(version, run, math.floor(written / 1000), written % 1000))
end
