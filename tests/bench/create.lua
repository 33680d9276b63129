-- wrk: creates versions, each with a number of its own, over the models bench-0 to bench-63.
-- HALLMARK_BENCH_RUN keeps the runs' numbers apart.
local run = assert(os.getenv("HALLMARK_BENCH_RUN"))
local body = '{"version":"%s.%d.%d","params":{"epochs":100,"optimizer":"adamw"},"tags":{"framework":"onnx"}}'
local made = 0

wrk.headers["Content-Type"] = "application/json"

function request()
	made = made + 1
	return wrk.format("POST", "/api/v1/projects/default/models/bench-" .. math.random(0, 63) .. "/versions", nil,
		string.format(body, run, math.floor(made / 1000), made % 1000))
end
