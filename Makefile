# Hallmark's one Makefile: make help names the targets, make alone builds both programs.
#
# Everything made lands under build/: generated sources in build/gen, one tree of
# objects, archives and programs per flavour beside it. A folder of the source is
# one static archive, so a program takes only the objects it calls.

VERSION := 0.1.0
PREFIX  ?= /usr/local
FLAVOUR ?= plain
FLAVOURS := plain asan tsan fuzz lint faults

ifeq ($(filter $(FLAVOUR),$(FLAVOURS)),)
$(error FLAVOUR=$(FLAVOUR) is not known; take one of: $(FLAVOURS))
endif
ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(FLAVOUR)),clang,gcc)
endif

# Runs while building, so it is never sanitized nor cross-compiled.
HOST_CC ?= gcc

# A second compiler has a tree of its own, so that lint can keep both up to date.
B   := build/$(FLAVOUR)$(if $(filter-out fuzz,$(FLAVOUR)),$(if $(findstring clang,$(notdir $(CC))),-clang))
GEN := build/gen

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# ---- flags ------------------------------------------------------------------------

PKGS     := libmicrohttpd libpq jansson libsodium libcrypto libseccomp libutf8proc
PKGS_CLI := jansson libsodium libcrypto libcurl libutf8proc
PKGS_ALL := $(sort $(PKGS) $(PKGS_CLI))
PKGS_TOOLS := yaml-0.1

# Members that a table leaves out are zero, which is their preset: no warning for that.
WARNINGS := -Wall -Wextra -Wno-missing-field-initializers -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
	-Wformat=2 -Wvla -Wundef -Wpointer-arith $(if $(filter true 1,$(CI) $(WERROR)),-Werror)

HARDENING := -fPIE -fstack-protector-strong -fstack-clash-protection -fno-strict-aliasing \
	$(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
FORTIFY   := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3

SAN_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan := -fsanitize=thread -fno-omit-frame-pointer
SAN_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN := $(SAN_$(FLAVOUR))

CFLAGS ?= -O2 -g
ALL_CPPFLAGS = -D_GNU_SOURCE $(if $(filter faults,$(FLAVOUR)),-DHALLMARK_FAILPOINTS) -DHALLMARK_VERSION='"$(VERSION)"' -I. -I$(GEN) $(PKG_CFLAGS) \
	$(if $(SAN),,$(FORTIFY)) $(CPPFLAGS)
ALL_CFLAGS   = -std=c17 $(WARNINGS) $(HARDENING) -ffile-prefix-map=$(CURDIR)=. $(SAN) $(CFLAGS)
ALL_LDFLAGS  = -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(SAN) $(LDFLAGS)

PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS_ALL) 2>/dev/null)
LIBS       := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm
LIBS_CLI   := $(shell pkg-config --libs $(PKGS_CLI) 2>/dev/null) -lm
LIBS_ALL   := $(shell pkg-config --libs $(PKGS_ALL) 2>/dev/null) -lm

# ---- sources ----------------------------------------------------------------------

FOLDERS := cli hallmarkd api registry storage sql base

# What a folder stands on, itself first: the order of the link.
STACK_base      := base
STACK_sql       := sql base
STACK_storage   := storage base
STACK_registry  := registry storage sql base
STACK_api       := api $(STACK_registry)
STACK_hallmarkd := hallmarkd $(STACK_api)
STACK_cli       := cli base

SQL        := $(sort $(wildcard sql/*/*.sql))
MIGRATIONS := $(sort $(wildcard migrations/*.sql))
GEN_H      := $(GEN)/statements.gen.h
GEN_C      := $(GEN)/statements.gen.c $(GEN)/migrations.gen.c
OPENAPI_C  := $(GEN)/openapi.gen.c

sources = $(sort $(wildcard $(1)/*.c $(1)/*/*.c))
object  = $(patsubst %.c,$(B)/obj/%.o,$(1))
archive = $(patsubst %,$(B)/lib/lib%.a,$(1))

SOURCES := $(foreach f,$(FOLDERS),$(call sources,$(f)))
HEADERS := $(sort $(foreach f,$(FOLDERS),$(wildcard $(f)/*.h $(f)/*/*.h)))
MAINS   := hallmarkd/main.c cli/main.c
$(foreach f,$(FOLDERS),$(eval MEMBERS_$(f) := $(call object,$(filter-out $(MAINS),$(call sources,$(f))))))
MEMBERS_sql += $(patsubst $(GEN)/%.c,$(B)/obj/gen/%.o,$(GEN_C))
MEMBERS_api += $(patsubst $(GEN)/%.c,$(B)/obj/gen/%.o,$(OPENAPI_C))

UNIT_C    := $(sort $(wildcard tests/unit/t_*.c))
SUPPORT_C := $(filter-out $(UNIT_C),$(sort $(wildcard tests/unit/*.c)))
FUZZ_C    := $(sort $(wildcard tests/fuzz/f_*.c))
BENCH_C   := $(sort $(wildcard tests/bench/*.c))
FAULTS_C  := $(sort $(wildcard tests/faults/*.c))
MEMBERS_unit := $(call object,$(SUPPORT_C))

ARCHIVES_DAEMON := $(call archive,$(STACK_hallmarkd))
ARCHIVES_CLI    := $(call archive,$(STACK_cli))

# A test program links the folders it includes and what they stand on: a fault in api/
# does not keep the tests of base/ from running.
INCLUDES := $(shell awk 'match($$0, /^\#include "[a-z]+\//) { print FILENAME ":" substr($$0, 11, RLENGTH - 11) }' \
	$(UNIT_C) $(FUZZ_C) $(BENCH_C) /dev/null)
included = $(patsubst $(1):%,%,$(filter $(1):%,$(INCLUDES)))
stack    = $(foreach f,$(FOLDERS),$(if $(filter $(f),base $(foreach i,$(call included,$(1)),$(STACK_$(i)))),$(f)))

BINARIES := $(strip $(if $(wildcard hallmarkd/main.c),$(B)/bin/hallmarkd) $(if $(wildcard cli/main.c),$(B)/bin/hallmark))
UNIT     := $(UNIT_C:tests/unit/%.c=$(B)/unit/%)
FUZZ     := $(FUZZ_C:tests/fuzz/%.c=$(B)/fuzz/%)
BENCH    := $(BENCH_C:tests/bench/%.c=$(B)/bench/%)
FAULTS   := $(FAULTS_C:tests/faults/%.c=$(B)/faults/%.so)

OBJECTS := $(call object,$(SOURCES) $(UNIT_C) $(SUPPORT_C) $(FUZZ_C) $(BENCH_C) $(FAULTS_C)) \
	$(patsubst $(GEN)/%.c,$(B)/obj/gen/%.o,$(GEN_C) $(OPENAPI_C))

# ---- building ---------------------------------------------------------------------

.PHONY: all archives objects tidy unit-programs fuzz-programs bench-programs fault-libraries
all: $(BINARIES) $(if $(BINARIES),,archives)
archives: $(call archive,$(FOLDERS))
objects: $(OBJECTS)
unit-programs: $(UNIT)
fuzz-programs: $(FUZZ)
bench-programs: $(BENCH)
fault-libraries: $(FAULTS)

# Written only when its content changes, so what depends on it is remade exactly then:
# the flags of a flavour, the member list of an archive (a deleted source leaves it).
keep = mkdir -p $(@D) && { printf '%s\n' $(1) | cmp -s - $@ || printf '%s\n' $(1) >$@; }

.PHONY: FORCE
FORCE:
$(B)/flags: FORCE
	@$(call keep,'$(subst ','\'',$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS))')

build/libraries: Makefile
	@mkdir -p $(@D)
	@pkg-config --print-errors --exists $(PKGS_ALL) $(PKGS_TOOLS) || { echo "Libraries are missing: tools/setup.sh build installs them."; exit 1; }
	@touch $@

COMPILE = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(EXTRA) -MMD -MP -c -o $@ $<
ifneq ($(V),1)
say = @printf '  %-8s %s\n' $(1) $(2)
Q := @
endif

$(B)/obj/%.o: %.c $(B)/flags | $(GEN_H) build/libraries
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE)

# Generated text may be longer than the 4095 characters that C promises.
$(B)/obj/gen/%.o: EXTRA := -Wno-overlength-strings
$(B)/obj/gen/%.o: $(GEN)/%.c $(B)/flags | $(GEN_H) build/libraries
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE)

$(B)/obj/tests/unit/%.o: EXTRA := -Itests/unit

define archive_rule
$(B)/lib/$(1).members: FORCE
	@$$(call keep,$$(MEMBERS_$(1)) '')
$(B)/lib/lib$(1).a: $$(MEMBERS_$(1)) $(B)/lib/$(1).members
	@rm -f $$@
	$(Q)ar crs $$@ $$(MEMBERS_$(1))
endef
$(foreach f,$(FOLDERS) unit,$(eval $(call archive_rule,$(f))))

link = @mkdir -p $(@D)$(newline)	$(call say,LINK,$@)$(newline)	$(Q)$(CC) $(ALL_LDFLAGS) $(1) -o $@ $(filter %.o,$^)
define newline


endef
space := $(subst ,, )

$(B)/bin/hallmarkd: $(call object,hallmarkd/main.c) $(ARCHIVES_DAEMON)
	$(call link) $(ARCHIVES_DAEMON) $(LIBS)
$(B)/bin/hallmark: $(call object,cli/main.c) $(ARCHIVES_CLI)
	$(call link) $(ARCHIVES_CLI) $(LIBS_CLI)

# test_program PROGRAM,SOURCE,ARCHIVES,LINK OPTIONS
define test_program
$(1): $(call object,$(2)) $(3)
	$$(call link,$(4)) $(3) $$(LIBS_ALL)
endef
$(foreach c,$(UNIT_C),$(eval $(call test_program,$(c:tests/unit/%.c=$(B)/unit/%),$(c),$(call archive,unit $(call stack,$(c))))))
$(foreach c,$(FUZZ_C),$(eval $(call test_program,$(c:tests/fuzz/%.c=$(B)/fuzz/%),$(c),$(call archive,$(call stack,$(c))),-fsanitize=fuzzer)))
$(foreach c,$(BENCH_C),$(eval $(call test_program,$(c:tests/bench/%.c=$(B)/bench/%),$(c),$(call archive,$(call stack,$(c))))))

# What is preloaded into a program to make calls fail; it takes nothing from the archives.
$(B)/obj/tests/faults/%.o: EXTRA := -fPIC
$(B)/faults/%.so: $(B)/obj/tests/faults/%.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -pthread -Wl,-z,relro -Wl,-z,now -o $@ $< -ldl

# ---- generated sources ------------------------------------------------------------

$(GEN)/sql.members: FORCE
	@$(call keep,$(SQL) $(MIGRATIONS) '')

$(GEN)/statements.gen.h $(GEN)/statements.gen.c: $(GEN)/statements.gen.%: tools/statements.awk sql/oid.h $(SQL) $(GEN)/sql.members
	$(call say,GEN,$@)
	$(Q)awk -v part=$* -f tools/statements.awk sql/oid.h $(SQL) >$@.tmp && mv $@.tmp $@

# People write YAML, the service answers JSON; the bytes go in as octal escapes, whatever they are.
$(GEN)/yaml_json: tools/yaml_json.c | build/libraries
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOST_CC) -std=c17 -D_GNU_SOURCE -O1 $(WARNINGS) -o $@ $< $$(pkg-config --cflags --libs $(PKGS_TOOLS))
$(GEN)/openapi.json: api/openapi.yaml $(GEN)/yaml_json
	$(call say,GEN,$@)
	$(Q)$(GEN)/yaml_json <$< >$@
$(OPENAPI_C): $(GEN)/openapi.json
	$(call say,GEN,$@)
	$(Q){ echo '#include "api/openapi.h"'; echo 'const char openapi_json[] ='; \
	  od -An -v -to1 $< | sed 's/  */\\/g; s/.*/"&"/'; \
	  echo ';'; echo 'const size_t openapi_json_len = sizeof(openapi_json) - 1;'; } >$@

$(GEN)/migrations.gen.c: tools/migrations.awk $(MIGRATIONS) $(GEN)/sql.members
	$(call say,GEN,$@)
	$(Q)sha256sum $(MIGRATIONS) /dev/null | awk -f tools/migrations.awk - $(MIGRATIONS) >$@.tmp && mv $@.tmp $@

# clang-tidy, one process a file (several files at once confuse its analyzer); the
# object's own dependencies say when a header makes it due again.
TIDY := $(patsubst %.c,$(B)/tidy/%.ok,$(SOURCES) $(UNIT_C) $(SUPPORT_C) $(FUZZ_C) $(BENCH_C) $(FAULTS_C))
tidy: $(TIDY)
$(TIDY): $(B)/tidy/%.ok: %.c $(B)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet $< -- -std=c17 $(ALL_CPPFLAGS) $(WARNINGS) -Itests/unit 2>$(@:.ok=.log) || { cat $(@:.ok=.log) >&2; exit 1; }
	@touch $@

# ---- running, testing -------------------------------------------------------------

JOBS = $(shell nproc)
WORKERS ?= $(JOBS)
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))
PYTHON := build/venv/bin/python
FUZZ_SECONDS ?= 60

# A report ends the program, so that a test sees it; leaks are reports too.
export ASAN_OPTIONS ?= detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS ?= print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS ?= halt_on_error=1:second_deadlock_stack=1

.PHONY: setup run test unit lint docs fuzz soak bench install clean distclean help
setup:			## install what building and running need
	@tools/setup.sh build

run: setup		## serve on 127.0.0.1:8080, with everything it keeps under var/
	@$(MAKE) $(PARALLEL) --no-print-directory all
	@exec $(B)/bin/hallmarkd serve

test:			## every suite; SUITES="unit lint" runs those alone
	@tools/setup.sh test
	@$(PYTHON) tools/test.py $(SUITES)

unit: $(UNIT)		## the unit tests of FLAVOUR, or of them UNITS="t_db t_shared", on a PostgreSQL of their own
	@tools/private_postgres.sh prove --jobs $(WORKERS) --exec tools/unit_program.sh $(or $(UNITS:%=$(B)/unit/%),$(UNIT))

lint:			## format, warnings of two compilers, clang-tidy, cppcheck, shell, Python
	@tools/setup.sh test
	@tools/lint.sh

docs: all		## the reference pages of docs/ anew, from the programs' tables
	@tools/setup.sh test
	@HALLMARK_WRITE_DOCS=1 build/venv/bin/pytest -c tests/pytest.ini -q tests/integration/test_docs.py

fuzz:			## each fuzz target for FUZZ_SECONDS, from its corpus
	@tools/setup.sh test
	@$(MAKE) $(PARALLEL) --no-print-directory FLAVOUR=fuzz fuzz-programs
	@tools/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_C:tests/fuzz/%.c=build/fuzz/fuzz/%)

soak:			## at length what test proves, in 90 minutes; SOAK=10 takes ten times as long, PARTS="kills disk" are some of it
	@tools/setup.sh test cosign helm previous postgres17 postgres18
	@$(MAKE) $(PARALLEL) --no-print-directory all unit-programs fault-libraries
	@$(MAKE) $(PARALLEL) --no-print-directory FLAVOUR=asan all unit-programs
	@$(MAKE) $(PARALLEL) --no-print-directory FLAVOUR=tsan all unit-programs
	@$(MAKE) $(PARALLEL) --no-print-directory FLAVOUR=faults all
	@$(MAKE) $(PARALLEL) --no-print-directory FLAVOUR=fuzz fuzz-programs
	@$(PYTHON) tools/soak.py $(PARTS)

bench:			## speed and memory beside yardsticks; OPTIONS="--only read --times 3" for parts
	@tools/setup.sh test
	@$(MAKE) $(PARALLEL) --no-print-directory all bench-programs
	@$(PYTHON) tests/bench/bench.py $(OPTIONS)

install: all		## both programs into DESTDIR/PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/doc/hallmark
	install -m 755 $(BINARIES) $(DESTDIR)$(PREFIX)/bin
	install -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/hallmark

clean:			## remove everything built; fetched tools and var/ stay
	rm -rf $(addprefix build/,gen test libraries $(FLAVOURS) $(addsuffix -clang,$(FLAVOURS)))

distclean: clean	## remove fetched tools too
	rm -rf build

help:			## this list
	@printf 'make [FLAVOUR=%s] [CC=clang] [WERROR=1] [V=1] TARGET\n\n' '$(subst $(space),|,$(FLAVOURS))'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.SECONDARY: $(OBJECTS)
-include $(wildcard $(OBJECTS:.o=.d))
