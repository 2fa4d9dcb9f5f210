# SPDX-License-Identifier: Apache-2.0
# libsspi: the shared library, its twin with a pinned clock and randomness, and the C tests.
# Included by the Makefile in the root, which sets CC, BUILD, CFLAGS and WARNINGS.

IMPL_VERSION := 0.1
IMPL_SONAME := libsspi.so.0
IMPL_LIBS := $(shell pkg-config --libs libcrypto krb5 2>/dev/null) -lpthread
IMPL_CPPFLAGS := -D_GNU_SOURCE -Iimpl/include -Iimpl/src $(shell pkg-config --cflags libcrypto krb5 2>/dev/null)
IMPL_CFLAGS = $(CFLAGS) $(WARNINGS) -fPIC -fvisibility=hidden -fstack-protector-strong
IMPL_LDFLAGS = -Wl,-soname,$(IMPL_SONAME) -Wl,--version-script=impl/libsspi.map -Wl,-Bsymbolic \
	-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
# A sanitised library leaves symbols to the sanitised program that loads it.
ifeq ($(findstring -fsanitize,$(CFLAGS)),)
IMPL_LDFLAGS += -Wl,-z,defs
endif

IMPL_SOURCES := $(filter-out impl/src/env_%.c,$(wildcard impl/src/*.c impl/src/*/*.c)) \
	impl/src/env_system.c
IMPL_OBJECTS := $(IMPL_SOURCES:impl/src/%.c=$(BUILD)/impl/%.o)
IMPL_TESTS := $(patsubst impl/tests/%.c,$(BUILD)/tests/%,$(wildcard impl/tests/*_test.c))

$(BUILD)/impl/%.o: impl/src/%.c
	@mkdir -p $(@D)
	$(CC) $(IMPL_CPPFLAGS) $(IMPL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/impl/env_test.o: IMPL_CPPFLAGS += -DLIBSSPI_TEST_SEAM

$(BUILD)/libsspi.so.$(IMPL_VERSION): $(IMPL_OBJECTS) $(BUILD)/impl/env_real.o impl/libsspi.map
	$(CC) $(CFLAGS) -shared $(IMPL_LDFLAGS) -o $@ $(filter %.o,$^) $(IMPL_LIBS)

$(BUILD)/$(IMPL_SONAME) $(BUILD)/libsspi.so: $(BUILD)/libsspi.so.$(IMPL_VERSION)
	ln -sf libsspi.so.$(IMPL_VERSION) $@

$(BUILD)/libsspi.so: $(BUILD)/$(IMPL_SONAME)

$(BUILD)/libsspi-test.so: $(IMPL_OBJECTS) $(BUILD)/impl/env_test.o impl/libsspi.map
	$(CC) $(CFLAGS) -shared $(IMPL_LDFLAGS) -Wl,--wrap=ntlm_nt_hash -o $@ $(filter %.o,$^) $(IMPL_LIBS)

$(BUILD)/krb5-pins.so: impl/tests/krb5_pins.c
	@mkdir -p $(@D)
	$(CC) $(IMPL_CPPFLAGS) $(CFLAGS) $(WARNINGS) -fPIC -shared -o $@ $<

$(BUILD)/libsspi-test.a: $(IMPL_OBJECTS) $(BUILD)/impl/env_test.o
	@rm -f $@
	ar qcs $@ $^ # r would replace members of the same name, and packages name files alike

$(BUILD)/tests/%_test: impl/tests/%_test.c $(BUILD)/libsspi-test.a
	@mkdir -p $(@D)
	$(CC) $(IMPL_CPPFLAGS) -DLIBSSPI_TEST_SEAM -Iimpl/tests $(CFLAGS) $(WARNINGS) -MMD -MP -o $@ $< \
		$(filter %.o,$^) $(BUILD)/libsspi-test.a $(IMPL_TEST_LDFLAGS) -lcunit $(IMPL_LIBS)

# What fuzz targets use to change tokens inside their encryption serves tests as well.
$(BUILD)/tests/%.o: impl/fuzz/%.c
	@mkdir -p $(@D)
	$(CC) $(IMPL_CPPFLAGS) -Iimpl/fuzz -Iimpl/tests $(CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<
$(BUILD)/tests/kerberos_hostile_test $(BUILD)/tests/kerberos_truncation_test: IMPL_CPPFLAGS += -Iimpl/fuzz
$(BUILD)/tests/kerberos_hostile_test $(BUILD)/tests/kerberos_truncation_test: \
	$(BUILD)/tests/kerberos_repair.o $(BUILD)/tests/kerberos_realm.o

# Calls of every library of the process fail, so the program's functions go before those of libc.
$(BUILD)/tests/faults.o: impl/tests/faults.c
	@mkdir -p $(@D)
	$(CC) $(IMPL_CPPFLAGS) $(CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<
$(BUILD)/tests/fault_sweep_test: $(BUILD)/tests/faults.o
$(BUILD)/tests/fault_sweep_test $(BUILD)/tests/secrets_kerberos_test: IMPL_TEST_LDFLAGS := -rdynamic

# the archive gives a member for a strong reference only, and that of env_test.c is weak
$(BUILD)/tests/env_test: IMPL_TEST_LDFLAGS := -Wl,--wrap=ntlm_nt_hash -Wl,-u,ntlm_ntowf_v2
$(BUILD)/tests/out_of_memory_test $(BUILD)/tests/out_of_memory_calls_test $(BUILD)/tests/ntlm_memory_test: IMPL_TEST_LDFLAGS := -Wl,--wrap=calloc
$(BUILD)/tests/ntlm_package_test: IMPL_TEST_LDFLAGS := -Wl,--wrap=calloc,--wrap=free
KERBEROS_AES_CALLS := EVP_CIPHER_CTX_new EVP_CipherInit_ex2 EVP_CipherUpdate EVP_CIPHER_CTX_set_padding \
	SHA1_Update SHA1_Final SHA256_Update SHA256_Final SHA384_Update SHA384_Final
$(BUILD)/tests/kerberos_aes_failure_test: IMPL_TEST_LDFLAGS := $(KERBEROS_AES_CALLS:%=-Wl,--wrap=%)
$(BUILD)/tests/secrets_test: IMPL_TEST_LDFLAGS := -Wl,--wrap=free

# A build of its own, because every object must be one of ThreadSanitizer's.
.PHONY: check-threads
check-threads: ## libsspi's threads under ThreadSanitizer
	@$(MAKE) --no-print-directory -s BUILD=build/tsan CC=$(CLANG) CFLAGS='-O1 -g -fsanitize=thread' build/tsan/tests/threads_test
	@TSAN_OPTIONS="halt_on_error=1:$$TSAN_OPTIONS" build/tsan/tests/threads_test

.PHONY: check-c
check-c: $(IMPL_TESTS) ## the C tests of libsspi
	@test -n '$(IMPL_TESTS)' || { echo 'check-c: no tests'; exit 1; }
	@export ASAN_OPTIONS="allocator_may_return_null=1:$$ASAN_OPTIONS" \
		TSAN_OPTIONS="allocator_may_return_null=1:$$TSAN_OPTIONS"; \
	failed=; for t in $(IMPL_TESTS); do $$t || failed="$$failed $$(basename $$t)"; done; \
	if [ -n "$$failed" ]; then echo "check-c: FAILED:$$failed"; exit 1; fi; \
	echo 'check-c: $(words $(IMPL_TESTS)) test programs passed'

-include $(IMPL_OBJECTS:.o=.d) $(BUILD)/impl/env_real.d $(BUILD)/impl/env_test.d $(IMPL_TESTS:=.d) \
	$(BUILD)/tests/kerberos_repair.d $(BUILD)/tests/kerberos_realm.d $(BUILD)/tests/faults.d
