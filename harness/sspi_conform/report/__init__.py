# SPDX-License-Identifier: Apache-2.0
"""Results for people and machines: terminal, results.json, junit.xml, a folder per case that did not pass."""
