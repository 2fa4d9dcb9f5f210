# SPDX-License-Identifier: Apache-2.0
# Libraries of other interfaces dressed as SSPI. Included by the top Makefile.
ADAPTER := harness/adapters

$(BUILD)/sspi-gssapi.so: $(wildcard $(ADAPTER)/gssapi*.c) $(ADAPTER)/gssapi.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARNINGS) -D_GNU_SOURCE -Iimpl/include -fPIC -shared -fvisibility=hidden -Wl,-z,defs \
		-o $@ $(filter %.c,$^) -lgssapi_krb5 -lkrb5

.PHONY: adapters
adapters: $(BUILD)/sspi-gssapi.so ## MIT's GSSAPI as an SSPI library: build/sspi-gssapi.so
