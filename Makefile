# SPDX-License-Identifier: Apache-2.0
# The build. `make help` lists what there is.
.DEFAULT_GOAL := all

CC ?= gcc
PYTHON := /usr/bin/python3
BUILD ?= build
CFLAGS ?= -O2 -g
WARNINGS := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wparentheses -Wmissing-prototypes -Wstrict-prototypes -Wvla -fno-strict-aliasing

include impl/impl.mk
include harness/probe/probe.mk

.PHONY: all
all: $(BUILD)/libsspi.so $(BUILD)/libsspi-test.so $(BUILD)/sspi-probe
