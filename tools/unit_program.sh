#!/usr/bin/env bash
# unit_program.sh PROGRAM [ARGUMENT...] - run one unit test program, for prove --exec.
#
# Within private_postgres.sh the program finds an empty database of its own in
# HALLMARK_TEST_DATABASE. Its TAP is also kept in HALLMARK_TEST_TAP, a folder, when that is set.
set -euo pipefail

name=$(basename "$1")
if [ -n "${HALLMARK_TEST_SERVER:-}" ]; then
	admin="$HALLMARK_TEST_SERVER dbname=postgres"
	database=${name}_$$
	psql -qX -d "$admin" -c "CREATE DATABASE $database"
	trap 'psql -qX -d "$admin" -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" || true' EXIT
	export HALLMARK_TEST_DATABASE="$HALLMARK_TEST_SERVER dbname=$database"
fi

keep=/dev/null
[ -z "${HALLMARK_TEST_TAP:-}" ] || keep=$HALLMARK_TEST_TAP/$name.tap
timeout --kill-after=5 "${HALLMARK_TEST_TIMEOUT:-120}" "$@" | tee "$keep"
