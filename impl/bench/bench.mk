# SPDX-License-Identifier: Apache-2.0
# The programs that measure handshakes and messages in one process; sspi_conform/bench.py runs them.
# Included by the Makefile in the root, which sets CC, BUILD, CFLAGS and WARNINGS.

BENCH_FLAGS = -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -MMD -MP
BENCH_SSPI := handshake context_memory two_threads winbind_acceptor

$(BENCH_SSPI:%=$(BUILD)/bench/%): $(BUILD)/bench/%: impl/bench/%.c
	@mkdir -p $(@D)
	$(CC) -Iimpl/include $(BENCH_FLAGS) -o $@ $< -ldl -lpthread

$(BUILD)/bench/gss_handshake: impl/bench/gss_handshake.c impl/bench/clock.h
	@mkdir -p $(@D)
	$(CC) $(shell pkg-config --cflags krb5-gssapi) $(BENCH_FLAGS) -o $@ $< $(shell pkg-config --libs krb5-gssapi)

.PHONY: benchmarks
benchmarks: $(BENCH_SSPI:%=$(BUILD)/bench/%) $(BUILD)/bench/gss_handshake

-include $(BENCH_SSPI:%=$(BUILD)/bench/%.d) $(BUILD)/bench/gss_handshake.d
