# SPDX-License-Identifier: Apache-2.0
# The programs that measure handshakes and messages in one process; sspi_conform/bench.py runs them.
# Included by the Makefile in the root, which sets CC, BUILD, CFLAGS and WARNINGS.

BENCH_FLAGS = -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -MMD -MP
BENCH_SSPI := handshake context_memory two_threads winbind_acceptor
BENCH_OTHERS := gss_handshake krb5_handshake primitives

$(BENCH_SSPI:%=$(BUILD)/bench/%): $(BUILD)/bench/%: impl/bench/%.c
	@mkdir -p $(@D)
	$(CC) -Iimpl/include $(BENCH_FLAGS) -o $@ $< -ldl -lpthread

$(BUILD)/bench/gss_handshake: BENCH_PACKAGE := krb5-gssapi
$(BUILD)/bench/krb5_handshake: BENCH_PACKAGE := krb5
$(BUILD)/bench/primitives: BENCH_PACKAGE := libcrypto
$(BENCH_OTHERS:%=$(BUILD)/bench/%): $(BUILD)/bench/%: impl/bench/%.c
	@mkdir -p $(@D)
	$(CC) $$(pkg-config --cflags $(BENCH_PACKAGE)) $(BENCH_FLAGS) -o $@ $< $$(pkg-config --libs $(BENCH_PACKAGE))

.PHONY: benchmarks
benchmarks: $(BENCH_SSPI:%=$(BUILD)/bench/%) $(BENCH_OTHERS:%=$(BUILD)/bench/%)

-include $(BENCH_SSPI:%=$(BUILD)/bench/%.d) $(BENCH_OTHERS:%=$(BUILD)/bench/%.d)
