#!/usr/bin/env bash
# fuzz.sh SECONDS PROGRAM... - let each fuzz target run for a while; prints TAP.
#
# f_NAME starts from tests/fuzz/corpus/NAME (and NAME.dict beside it); what it finds new
# is kept in build/fuzz/corpus/NAME, an input that fails in build/fuzz/failures.
set -euo pipefail
cd "$(dirname "$0")/.."

run_one() { # run_one SECONDS PROGRAM
	local name=${2##*/f_} log=build/fuzz/log/${2##*/}.log
	local kept=tests/fuzz/corpus/$name found=build/fuzz/corpus/$name dictionary=tests/fuzz/$name.dict
	local options=("-max_total_time=$1" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
		"-artifact_prefix=build/fuzz/failures/$name-")

	mkdir -p "$found" build/fuzz/log build/fuzz/failures
	[ ! -f "$dictionary" ] || options+=("-dict=$dictionary")
	if [ -z "$(ls "$kept" 2>/dev/null)" ]; then
		printf 'not ok - fuzz %s\n# %s has no corpus in tests/fuzz/corpus/%s\n' "$name" "$2" "$name"
	elif "$2" "${options[@]}" "$found" "$kept" >"$log" 2>&1; then
		printf 'ok - fuzz %s: %s inputs\n' "$name" "$(sed -n 's/stat::number_of_executed_units: *//p' "$log")"
	else
		printf 'not ok - fuzz %s\n' "$name"
		tail -40 "$log" | sed 's/^/# /'
	fi
}
export -f run_one

seconds=$1
shift
tap=$(printf '%s\0' "$@" | xargs -0 -P "${JOBS:-2}" -I{} bash -c 'run_one "$@"' run_one "$seconds" {})
printf '%s\n1..%d\n' "$tap" $#
! grep -q '^not ok' <<<"$tap"
