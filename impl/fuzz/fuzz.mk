# SPDX-License-Identifier: Apache-2.0
# libFuzzer targets of libsspi: its parsers, and its legs as state machines. Included by the
# Makefile in the root, after impl.mk (IMPL_SOURCES, IMPL_CPPFLAGS) and probe.mk (CLANG).

FUZZ_PARSERS := ntlm_messages ntlm_av spnego bindings account_line config
FUZZ_EXCHANGES := accept-ntlm accept-negotiate initiate-ntlm initiate-negotiate
FUZZ_IMPL := $(patsubst %,fuzz-%,$(subst _,-,$(FUZZ_PARSERS)) $(FUZZ_EXCHANGES))
FUZZ_TARGETS += $(FUZZ_IMPL)

# The library once more, instrumented, in a folder of its own.
FUZZ_FLAGS := -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
FUZZ_LIBRARY := $(BUILD)/fuzz/libsspi-fuzz.a
FUZZ_CC = $(CLANG) $(IMPL_CPPFLAGS) -DLIBSSPI_TEST_SEAM -Iimpl/fuzz $(FUZZ_FLAGS) $(WARNINGS) -MMD -MP

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

# accept-ntlm is exchange.c with FUZZ_PACKAGE "NTLM"; initiate-* has FUZZ_INITIATES as well.
$(BUILD)/fuzz/%-ntlm.o: impl/fuzz/exchange.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -DFUZZ_PACKAGE='"NTLM"' $(if $(filter initiate%,$*),-DFUZZ_INITIATES) -c -o $@ $<
$(BUILD)/fuzz/%-negotiate.o: impl/fuzz/exchange.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -DFUZZ_PACKAGE='"Negotiate"' $(if $(filter initiate%,$*),-DFUZZ_INITIATES) -c -o $@ $<

$(FUZZ_EXCHANGES:%=$(BUILD)/fuzz-%): $(BUILD)/fuzz-%: $(BUILD)/fuzz/%.o $(BUILD)/fuzz/repair.o $(FUZZ_LIBRARY)
	$(FUZZ_LINK)

# First inputs, made anew whenever the library changes.
FUZZ_SEEDS := $(BUILD)/fuzz/seeds
$(BUILD)/fuzz/make_seeds: $(BUILD)/fuzz/make_seeds.o $(BUILD)/fuzz/repair.o $(FUZZ_LIBRARY)
	$(CLANG) $(FUZZ_FLAGS) -o $@ $(filter %.o,$^) $(FUZZ_LIBRARY) $(IMPL_LIBS)
$(BUILD)/fuzz/make_seeds.o: FUZZ_CC += -Iimpl/tests

$(FUZZ_SEEDS)/made: $(BUILD)/fuzz/make_seeds impl/fuzz/seeds_of_vectors.py $(wildcard impl/tests/ntlm_*.c impl/tests/negotiate_*.c)
	@rm -rf $(FUZZ_SEEDS) && mkdir -p $(FUZZ_SEEDS)
	$< $(FUZZ_SEEDS)
	$(PYTHON) impl/fuzz/seeds_of_vectors.py $(FUZZ_SEEDS) $(filter %.c,$^)
	@touch $@
$(FUZZ_IMPL:%=$(BUILD)/%): $(FUZZ_SEEDS)/made

.PRECIOUS: $(BUILD)/fuzz/%.o $(BUILD)/fuzz/%-ntlm.o $(BUILD)/fuzz/%-negotiate.o

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_PARSERS:%=$(BUILD)/fuzz/%.d) $(FUZZ_EXCHANGES:%=$(BUILD)/fuzz/%.d) \
	$(BUILD)/fuzz/repair.d $(BUILD)/fuzz/make_seeds.d
