# SPDX-License-Identifier: Apache-2.0
# libsspi against other implementations, live. Included by the Makefile in the root.

check-py: examples

.PHONY: peers
peers: ## seven other implementations and curl against libsspi, live; prints who can what with whom
	@ci/install-packages peers
	@$(MAKE) --no-print-directory -s -j$(JOBS) all examples
	@PYTHONPATH=.:harness SSPI_CONFORM_BUILD=$(BUILD) $(PYTHON) -m pytest $(PYTEST_FLAGS) \
		impl/tests/test_foreign_*.py
	@ci/peers
