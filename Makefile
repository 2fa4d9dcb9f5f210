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
SANITIZED := BUILD=build/asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"

include impl/impl.mk
include harness/probe/probe.mk

.PHONY: all
all: $(BUILD)/libsspi.so $(BUILD)/libsspi-test.so $(BUILD)/sspi-probe ## build libsspi and the probe

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
	@harness/mutants/run

PYTEST_FLAGS ?= -q -p no:cacheprovider
check-py: all ## the Python tests: harness, realm, probe, libsspi against live peers
	@PYTHONPATH=.:harness SSPI_CONFORM_BUILD=$(BUILD) $(PYTHON) -m pytest $(PYTEST_FLAGS) \
		realm/tests harness/tests harness/probe/tests impl/tests

install: ## libsspi, its headers and sspi-probe under DESTDIR and PREFIX
	@true

clean: ## remove what was built
	rm -rf build
