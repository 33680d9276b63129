#!/usr/bin/env bash
# private_postgres.sh COMMAND... - run COMMAND beside a PostgreSQL of its own.
#
# The server listens on a socket in a private folder only, and is gone with its data
# when COMMAND ends. COMMAND finds in its environment:
#
#   HALLMARK_TEST_SERVER  conninfo without a database; the user is a superuser
#   HALLMARK_TEST_PGDATA  the data folder
#   HALLMARK_TEST_PGPID   the postmaster
#
# PRIVATE_POSTGRES="-c fsync=on …" adds server settings; the presets favour speed.
# HALLMARK_TEST_POSTGRES=17 takes the server that tools/setup.sh postgres17 fetches, and a path
# the one in that folder. Clients are those of the newest release installed, with any server.
# PostgreSQL refuses to run as root, so as root it runs as the user hallmark.
set -euo pipefail

newest_bin() {
	printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1
}

clients=$(newest_bin)
[ -x "$clients/psql" ] || clients=$(dirname "$(command -v psql)")
case ${HALLMARK_TEST_POSTGRES:-} in
'') bin=$clients ;;
[0-9]*) bin=$(dirname "$0")/../build/tools/postgres-$HALLMARK_TEST_POSTGRES/bin ;;
*) bin=$HALLMARK_TEST_POSTGRES ;;
esac
[ -x "$bin/initdb" ] || [ -n "${HALLMARK_TEST_POSTGRES:-}" ] || bin=$(dirname "$(command -v initdb)")
[ -x "$bin/initdb" ] || {
	echo "private_postgres: no $bin/initdb; tools/setup.sh ${HALLMARK_TEST_POSTGRES:+postgres17 postgres18 }build installs it" >&2
	exit 1
}
bin=$(cd "$bin" && pwd)

# Not under build/: the path of a socket ends at 107 bytes, and another user must reach it.
dir=$(mktemp -d "${TMPDIR:-/tmp}/hallmark-pg.XXXXXX")
as_owner=()
if [ "$(id -u)" = 0 ]; then
	owner=$(getent passwd hallmark postgres nobody | head -1 | cut -d: -f1)
	as_owner=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --clear-groups)
	chown "$owner" "$dir"
fi

stop() {
	if [ -n "${postmaster:-}" ] && kill -QUIT "$postmaster" 2>/dev/null; then
		wait "$postmaster" || true
	fi
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

here=$PWD
cd "$dir"
"${as_owner[@]}" "$bin/initdb" --pgdata="$dir/data" --username=hallmark --auth=trust --encoding=UTF8 \
	--locale=C --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }

# shellcheck disable=SC2086 # PRIVATE_POSTGRES is words
setpriv --pdeathsig INT "${as_owner[@]}" "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= \
	-c max_connections=200 -c shared_buffers=64MB -c fsync=off -c jit=off -c log_min_messages=fatal \
	${PRIVATE_POSTGRES:-} >"$dir/postgres.log" 2>&1 &
postmaster=$!

for _ in {1..200}; do
	"$clients/pg_isready" --quiet --host="$dir" && break
	kill -0 "$postmaster" 2>/dev/null || break
	sleep 0.05
done
"$clients/pg_isready" --quiet --host="$dir" || { cat "$dir/postgres.log" >&2; exit 1; }

export PATH="$clients:$PATH" # Debian's own psql looks for this one, and takes long
export HALLMARK_TEST_SERVER="host=$dir user=hallmark"
export HALLMARK_TEST_PGDATA=$dir/data HALLMARK_TEST_PGPID=$postmaster
cd "$here"
"$@"
