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
		--error-exitcode=1 -D_GNU_SOURCE -DHALLMARK_VERSION='""' -I. -Ibuild/gen $folders
}

# Includes are written from the root. In api/ no circle of them ties files together, a
# source and its header being one (the plan is in api/server.h): tsort fails at one.
includes() {
	# shellcheck disable=SC2086
	! grep -nE '#include "\.\.?/' -r $folders tests --include='*.[ch]' || return
	grep -oE '^#include "api/[^"]+"' -r api --include='*.[ch]' |
		sed -E 's/\.[ch]:#include "/ /; s/\.[ch]"$//' | tsort >/dev/null
}

# In a program a name is defined once: from two archives the linker would take the first it
# meets, unasked.
symbols() {
	local program twice
	for program in "base sql storage registry api hallmarkd" "base cli"; do
		# shellcheck disable=SC2086
		twice=$(find $program -name '*.c' | sed 's,^,build/lint/obj/,; s/c$/o/' |
			xargs nm --defined-only --extern-only | awk 'NF == 3 { print $3 }' | sort | uniq -d)
		[ -z "$twice" ] || { echo "error: defined twice: $twice" && return 1; }
	done
}

shell() { git ls-files -z 'tools/*.sh' .ci/run | xargs -0 shellcheck; }
python() { build/venv/bin/ruff check . && build/venv/bin/ruff format --check .; }

check format format
check gcc compiler gcc
check clang compiler clang
check clang-tidy tidy
check cppcheck cppcheck_all
check includes includes
check symbols symbols
check shell shell
check python python
echo "1..$count"
exit $failed
