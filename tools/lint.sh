#!/usr/bin/env bash
# lint.sh - every check of the source that needs no running service; prints TAP.
#
# Compilers and clang-tidy go through make, so a file that did not change is not looked at
# again. A check's full output is in build/lint/<check>.log.
# shellcheck disable=SC2317 # the functions are reached through check
set -uo pipefail
cd "$(dirname "$0")/.." || exit

jobs=${JOBS:-2}
logs=build/lint
mkdir -p $logs/cppcheck
folders=$(ls -d base sql storage registry api hallmarkd cli 2>/dev/null)
count=0
failed=0

check() { # check NAME COMMAND...
	local name=$1 log=$logs/$1.log
	shift
	count=$((count + 1))
	if "$@" >"$log" 2>&1; then
		echo "ok $count - lint $name"
		return
	fi
	failed=1
	echo "not ok $count - lint $name"
	{ grep -E '(error|warning):' "$log" || tail -40 "$log"; } | sort -u | head -40 | sed "s,$PWD/,,; s/^/# /"
}

format() {
	# shellcheck disable=SC2086
	find $folders tests tools -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
}

compiler() { make -k -j"$jobs" FLAVOUR=lint WERROR=1 CC="$1" objects; }

tidy() { make -k -j"$jobs" FLAVOUR=lint WERROR=1 CC=clang tidy; }

# cppcheck does not know that TRY() returns, nor the attributes that close handles.
# shellcheck disable=SC2086
cppcheck_all() {
	cppcheck --quiet -j"$jobs" --cppcheck-build-dir=$logs/cppcheck --std=c11 --language=c \
		--enable=warning,performance,portability --inline-suppr --suppress=missingIncludeSystem \
		--error-exitcode=1 -D_GNU_SOURCE '-D_Noreturn=__attribute__((noreturn))' -DHALLMARK_VERSION='""' -I. -Ibuild/gen $folders
}

# With static archives a name that two files define is linked without a word, to whichever
# comes first.
symbols() {
	local twice
	# shellcheck disable=SC2086
	twice=$(find $folders -name '*.c' | sed 's,^,build/lint/obj/,; s/c$/o/' | xargs nm --defined-only --extern-only -A |
		awk '{ sub(/\.o:.*/, ".c", $1); sub(/^build.lint.obj./, "", $1); files[$3] = files[$3] " " $1; n[$3]++ }
			END { for (name in n) if (name != "main" && n[name] > 1) print name ":" files[name] }')
	[ -z "$twice" ] || { echo "error: defined more than once: $twice"; return 1; }
}

# Includes are written from the root. In api/ no circle of them ties files together, a
# source and its header being one (the plan is in api/server.h): tsort fails at one.
includes() {
	# shellcheck disable=SC2086
	! grep -nE '#include "\.\.?/' -r $folders tests --include='*.[ch]' || return
	grep -oE '^#include "api/[^"]+"' -r api --include='*.[ch]' |
		sed -E 's/\.[ch]:#include "/ /; s/\.[ch]"$//' | tsort >/dev/null
}

shell() { git ls-files -z 'tools/*.sh' .ci/run | xargs -0 shellcheck; }
python() { build/venv/bin/ruff check . && build/venv/bin/ruff format --check .; }

check format format
check gcc compiler gcc
check clang compiler clang
check clang-tidy tidy
check cppcheck cppcheck_all
check symbols symbols
check includes includes
check shell shell
check python python
echo "1..$count"
exit $failed
