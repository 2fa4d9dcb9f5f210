# SPDX-License-Identifier: Apache-2.0
# The programs that measure handshakes and messages in one process; sspi_conform/bench.py runs them.
# Included by the Makefile in the root, which sets CC, BUILD, CFLAGS and WARNINGS.

BENCH_FLAGS = -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -MMD -MP

$(BUILD)/bench/handshake: impl/bench/handshake.c impl/bench/clock.h
	@mkdir -p $(@D)
	$(CC) -Iimpl/include $(BENCH_FLAGS) -o $@ $< -ldl

$(BUILD)/bench/gss_handshake: impl/bench/gss_handshake.c impl/bench/clock.h
	@mkdir -p $(@D)
	$(CC) $(shell pkg-config --cflags krb5-gssapi 2>/dev/null) $(BENCH_FLAGS) -o $@ $< $(shell pkg-config --libs krb5-gssapi 2>/dev/null)

.PHONY: benchmarks
benchmarks: $(BUILD)/bench/handshake $(BUILD)/bench/gss_handshake

-include $(BUILD)/bench/handshake.d $(BUILD)/bench/gss_handshake.d
