#!/usr/bin/env bash
# soak.sh MINUTES FUZZ-PROGRAM... - processes are killed, at every failpoint and 1,000 times at any
# moment; then unit tests, integration tests and fuzz targets in turns, under AddressSanitizer, until
# the time is up or something fails. SOAK=10 kills ten times as often.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=$1
shift
end=$((SECONDS + minutes * 60))
HALLMARK_FLAVOUR=faults build/venv/bin/pytest -c tests/pytest.ini -q -n "$(nproc)" --dist=load tests/integration/test_failpoints.py
KILLS=$((1000 * ${SOAK:-1})) KILLS_SEED=${KILLS_SEED:-$RANDOM} HALLMARK_FLAVOUR=plain \
	build/venv/bin/pytest -c tests/pytest.ini -q -rP tests/integration/test_kills.py
rounds=0
while [ $SECONDS -lt $end ]; do
	rounds=$((rounds + 1))
	echo "round $rounds, $(((end - SECONDS) / 60)) minutes left"
	make --no-print-directory FLAVOUR=asan unit
	make --no-print-directory FLAVOUR=tsan unit
	FAN_OUT=100000 CHAOS_SEED=$rounds CHAOS_SECONDS=60 MUTANT_SEED=$rounds MUTANT_SECONDS=120 \
		SCHEMATHESIS_SEED=$rounds SCHEMATHESIS_EXAMPLES=30 HALLMARK_FLAVOUR=asan build/venv/bin/pytest -c tests/pytest.ini -q -n "$(nproc)" -m 'not plain_only'
	MUTANT_SEED=t$rounds HALLMARK_FLAVOUR=tsan build/venv/bin/pytest -c tests/pytest.ini -q -n "$(nproc)" -m 'not plain_only'
	tools/fuzz.sh 30 "$@"
done
echo "$rounds rounds without a failure"
