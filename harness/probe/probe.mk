# SPDX-License-Identifier: Apache-2.0
# sspi-probe for Linux and Windows, its tests and its fuzz target. Included by the top Makefile.

PROBE := harness/probe
PROBE_COMMON := main calls harness_calls credential_calls context_calls message_calls query_calls \
	attributes buffers identity identity_ex2 out_parameters request handles functions failalloc \
	arena json writer utf
PROBE_LINUX := $(PROBE_COMMON) library_posix platform_posix system_posix
PROBE_WINDOWS := $(PROBE_COMMON) library_windows platform_windows system_windows
PROBE_JSON := arena json writer utf

PROBE_OBJECTS := $(PROBE_LINUX:%=$(BUILD)/probe/%.o)
PROBE_WINDOWS_OBJECTS := $(PROBE_WINDOWS:%=$(BUILD)/probe-windows/%.o)

MINGW_CC ?= x86_64-w64-mingw32-gcc
CLANG ?= clang

# -rdynamic: the probe's malloc must be found by the library under test. -fno-builtin there: the
# compiler must not turn the wrappers into calls of themselves.
$(BUILD)/sspi-probe: $(PROBE_OBJECTS)
	$(CC) $(CFLAGS) -rdynamic -pthread -o $@ $^ $(LDFLAGS) -ldl

$(BUILD)/probe/failalloc.o: PROBE_EXTRA := -fno-builtin

$(BUILD)/probe/%.o: $(PROBE)/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARNINGS) $(PROBE_EXTRA) -Iimpl/include -MMD -MP -c -o $@ $<

$(BUILD)/sspi-probe.exe: $(PROBE_WINDOWS_OBJECTS)
	$(MINGW_CC) -O2 -static -o $@ $^ -ladvapi32

$(BUILD)/probe-windows/%.o: $(PROBE)/%.c
	@mkdir -p $(@D)
	$(MINGW_CC) -O2 $(WARNINGS) -MMD -MP -c -o $@ $<

# libFuzzer: everything a request line is parsed with.
$(BUILD)/fuzz-json: $(PROBE)/fuzz_json.c $(PROBE_JSON:%=$(PROBE)/%.c)
	@mkdir -p $(@D)
	$(CLANG) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		$(WARNINGS) -o $@ $^

$(BUILD)/probe-json-test: $(PROBE)/tests/json_test.c $(PROBE_JSON:%=$(BUILD)/probe/%.o)
	$(CC) $(CFLAGS) $(WARNINGS) -I$(PROBE) -o $@ $^ -lcunit

# A deliberately odd SSPI library, for the probe's own tests.
$(BUILD)/libfake-sspi.so: $(PROBE)/tests/fake_sspi.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARNINGS) -Iimpl/include -fPIC -shared -o $@ $<

.PHONY: probe.exe check-probe
probe.exe: $(BUILD)/sspi-probe.exe ## the probe for Windows, and for Wine

check-probe: $(BUILD)/sspi-probe $(BUILD)/probe-json-test $(BUILD)/libfake-sspi.so ## the tests of sspi-probe
	$(BUILD)/probe-json-test
	SSPI_PROBE=$(BUILD)/sspi-probe FAKE_SSPI=$(BUILD)/libfake-sspi.so \
		$(PYTHON) -m pytest -q -p no:cacheprovider $(PROBE)/tests

-include $(PROBE_OBJECTS:.o=.d) $(PROBE_WINDOWS_OBJECTS:.o=.d)
