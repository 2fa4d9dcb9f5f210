# SPDX-License-Identifier: Apache-2.0
# libFuzzer targets of libsspi: its parsers, and its legs as state machines. Included by the
# Makefile in the root, after impl.mk (IMPL_SOURCES, IMPL_CPPFLAGS) and probe.mk (CLANG).

FUZZ_PARSERS := ntlm_messages ntlm_av spnego bindings account_line config identity
FUZZ_EXCHANGES := accept-ntlm accept-negotiate initiate-ntlm initiate-negotiate \
	accept-kerberos initiate-kerberos accept-negotiate-kerberos initiate-negotiate-kerberos
FUZZ_IMPL := $(patsubst %,fuzz-%,$(subst _,-,$(FUZZ_PARSERS)) $(FUZZ_EXCHANGES) kerberos-messages)
FUZZ_TARGETS += $(FUZZ_IMPL)

# The library once more, instrumented, in a folder of its own.
FUZZ_FLAGS := -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
FUZZ_LIBRARY := $(BUILD)/fuzz/libsspi-fuzz.a
FUZZ_CC = $(CLANG) $(IMPL_CPPFLAGS) -DLIBSSPI_TEST_SEAM -Iimpl/fuzz -Iimpl/tests $(FUZZ_FLAGS) $(WARNINGS) -MMD -MP

FUZZ_OBJECTS := $(IMPL_SOURCES:impl/src/%.c=$(BUILD)/fuzz/impl/%.o) $(BUILD)/fuzz/impl/env_test.o

$(BUILD)/fuzz/impl/%.o: impl/src/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -c -o $@ $<

$(BUILD)/fuzz/%.o: impl/fuzz/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -c -o $@ $<

$(FUZZ_LIBRARY): $(FUZZ_OBJECTS)
	@rm -f $@
	ar qcs $@ $^

FUZZ_LINK = $(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(FUZZ_LIBRARY) $(IMPL_LIBS)

define fuzz_parser
$(BUILD)/fuzz-$(subst _,-,$(1)): $(BUILD)/fuzz/$(1).o $(FUZZ_LIBRARY)
	$$(FUZZ_LINK)
endef
$(foreach parser,$(FUZZ_PARSERS),$(eval $(call fuzz_parser,$(parser))))

# accept-ntlm is exchange.c with FUZZ_PACKAGE "NTLM"; initiate-* has FUZZ_INITIATES as well, and
# *-kerberos FUZZ_KERBEROS.
fuzz_package = $(if $(filter %-ntlm,$(1)),NTLM,$(if $(findstring negotiate,$(1)),Negotiate,Kerberos))
define fuzz_exchange
$(BUILD)/fuzz/$(1).o: impl/fuzz/exchange.c
	@mkdir -p $$(@D)
	$$(FUZZ_CC) -DFUZZ_PACKAGE='"$(call fuzz_package,$(1))"' $(if $(filter initiate%,$(1)),-DFUZZ_INITIATES) \
		$(if $(filter %-kerberos,$(1)),-DFUZZ_KERBEROS) -c -o $$@ $$<
endef
$(foreach exchange,$(FUZZ_EXCHANGES),$(eval $(call fuzz_exchange,$(exchange))))

FUZZ_REPAIR := $(patsubst %,$(BUILD)/fuzz/%.o,repair kerberos_repair kerberos_realm)
$(FUZZ_EXCHANGES:%=$(BUILD)/fuzz-%): $(BUILD)/fuzz-%: $(BUILD)/fuzz/%.o $(FUZZ_REPAIR) $(FUZZ_LIBRARY)
	$(FUZZ_LINK)

$(BUILD)/fuzz-kerberos-messages: $(BUILD)/fuzz/kerberos_messages.o $(FUZZ_REPAIR) $(FUZZ_LIBRARY)
	$(FUZZ_LINK)

# First inputs, made anew whenever the library changes.
FUZZ_SEEDS := $(BUILD)/fuzz/seeds
$(BUILD)/fuzz/make_seeds: $(BUILD)/fuzz/make_seeds.o $(FUZZ_REPAIR) $(FUZZ_LIBRARY)
	$(CLANG) $(FUZZ_FLAGS) -o $@ $(filter %.o,$^) $(FUZZ_LIBRARY) $(IMPL_LIBS)

$(BUILD)/fuzz/kerberos_seeds: $(BUILD)/fuzz/kerberos_seeds.o $(FUZZ_REPAIR) $(FUZZ_LIBRARY)
	$(CLANG) $(FUZZ_FLAGS) -o $@ $(filter %.o,$^) $(FUZZ_LIBRARY) $(IMPL_LIBS)

$(FUZZ_SEEDS)/made: $(BUILD)/fuzz/make_seeds $(BUILD)/fuzz/kerberos_seeds impl/fuzz/seeds_of_vectors.py $(wildcard impl/tests/ntlm_*.c impl/tests/negotiate_*.c)
	@rm -rf $(FUZZ_SEEDS) && mkdir -p $(FUZZ_SEEDS)
	$< $(FUZZ_SEEDS)
	$(BUILD)/fuzz/kerberos_seeds $(FUZZ_SEEDS)
	$(PYTHON) impl/fuzz/seeds_of_vectors.py $(FUZZ_SEEDS) $(filter %.c,$^)
	@touch $@
$(FUZZ_IMPL:%=$(BUILD)/%): $(FUZZ_SEEDS)/made

.PRECIOUS: $(BUILD)/fuzz/%.o

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_PARSERS:%=$(BUILD)/fuzz/%.d) $(FUZZ_EXCHANGES:%=$(BUILD)/fuzz/%.d) \
	$(FUZZ_REPAIR:.o=.d) $(BUILD)/fuzz/make_seeds.d $(BUILD)/fuzz/kerberos_seeds.d $(BUILD)/fuzz/kerberos_messages.d
