# SPDX-License-Identifier: Apache-2.0
# sspi-conform. `make help` lists the goals; `make V=1` shows the commands.
.DEFAULT_GOAL := all

CC ?= gcc
PYTHON := /usr/bin/python3
BUILD ?= build
CFLAGS ?= -O2 -g
WARNINGS := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wparentheses -Wmissing-prototypes -Wstrict-prototypes -Wvla -fno-strict-aliasing
JOBS := $(shell nproc)
CONFORM := harness/sspi-conform

include impl/impl.mk
include harness/probe/probe.mk
include harness/adapters/adapters.mk
include $(wildcard impl/*/*.mk)

.PHONY: all
all: $(BUILD)/libsspi.so $(BUILD)/libsspi-test.so $(BUILD)/krb5-pins.so $(BUILD)/sspi-probe ## build libsspi and the probe

.PHONY: help run test bench deep mutants clean lint format check-py install
help: ## this list
	@grep -hE '^[a-z$$().\/A-Z-]+:.*## ' $(MAKEFILE_LIST) impl/impl.mk harness/probe/probe.mk | sed 's/\$$(BUILD)/build/; s/:.*## /\t/' | sort -u | expand -t 22

run: ## the main job: all scenarios against libsspi, compared with what Windows does
	@ci/install-packages run
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@$(CONFORM) run

test: ## everything that is deterministic, under 10 minutes
	@ci/install-packages test
	@ci/test

deep: ## what takes longer, under 60 minutes; includes test
	@ci/install-packages deep
	@ci/deep

bench: ## speed, against peers in the same run; writes build/bench.json
	@ci/install-packages bench
	@$(MAKE) --no-print-directory -s -j$(JOBS) all benchmarks
	@$(CONFORM) bench

mutants: all ## wrong versions of libsspi, each of which the suite must catch
	@$(CONFORM) mutants

PYTEST_FLAGS ?= -q -rs -p no:cacheprovider
check-py: all ## the Python tests: harness, realm, probe, libsspi against live peers
	@PYTHONPATH=.:harness SSPI_CONFORM_BUILD=$(BUILD) $(PYTHON) -m pytest $(PYTEST_FLAGS) \
		realm/tests harness/tests impl/tests

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
install: all ## libsspi, its headers, sspi-probe and sspi-conform under DESTDIR and PREFIX
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include/libsspi $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/sspi-conform
	install -m 755 $(BUILD)/libsspi.so.$(IMPL_VERSION) $(DESTDIR)$(LIBDIR)
	ln -sf libsspi.so.$(IMPL_VERSION) $(DESTDIR)$(LIBDIR)/$(IMPL_SONAME)
	ln -sf $(IMPL_SONAME) $(DESTDIR)$(LIBDIR)/libsspi.so
	install -m 644 impl/include/*.h $(DESTDIR)$(PREFIX)/include/libsspi
	printf 'Name: libsspi\nDescription: SSPI for Linux\nVersion: %s\nLibs: -L%s -lsspi\nCflags: -I%s\n' \
		$(IMPL_VERSION) $(LIBDIR) $(PREFIX)/include/libsspi >$(DESTDIR)$(LIBDIR)/pkgconfig/libsspi.pc
	install -m 755 $(BUILD)/sspi-probe $(DESTDIR)$(PREFIX)/bin
	tar -c --exclude=__pycache__ --exclude=tests --exclude=mutants --exclude=probe harness realm scenarios captures | tar -x -C $(DESTDIR)$(PREFIX)/share/sspi-conform
	ln -sf ../share/sspi-conform/harness/sspi-conform $(DESTDIR)$(PREFIX)/bin/sspi-conform

.PHONY: deb soak
deb: all ## Debian packages of libsspi and of the suite, in build/deb
	@ci/deb $(BUILD)/deb

SOAK_MINUTES ?= 60
soak: all ## the suite again and again in random order for SOAK_MINUTES; verdicts and leftovers are compared
	@ci/soak $(SOAK_MINUTES)

lint: ## the rules of this tree that a tool can hold
	@ci/lint

format: ## clang-format over the C files
	@git ls-files '*.c' '*.h' | xargs clang-format -i

# Every fuzz-* program that a part of the tree defines.
FUZZ_TARGETS += fuzz-json
FUZZ_SECONDS ?= 20
FUZZ_AT_ONCE ?= 1
.PHONY: list-fuzz fuzz lint format
list-fuzz:
	@printf '%s\n' $(FUZZ_TARGETS)
fuzz: ## run every fuzz target for FUZZ_SECONDS (clang), FUZZ_AT_ONCE of them at a time
	@ci/fuzz $(FUZZ_SECONDS) $(FUZZ_AT_ONCE)

clean: ## remove what was built
	rm -rf build
