# SPDX-License-Identifier: Apache-2.0
# Programs that show how libsspi is used. Included by the Makefile in the root.

$(BUILD)/examples/%: impl/examples/%.c $(BUILD)/libsspi.so
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -Iimpl/include $(CFLAGS) $(WARNINGS) -MMD -MP -o $@ $< -L$(BUILD) -lsspi -lpthread \
		-Wl,-rpath,'$$ORIGIN/..'

.PHONY: examples
examples: $(BUILD)/examples/http-server $(BUILD)/examples/ldap-search ## programs on libsspi: an HTTP server that knows its users, an LDAP client

-include $(BUILD)/examples/http-server.d $(BUILD)/examples/ldap-search.d
