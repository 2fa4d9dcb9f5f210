# SPDX-License-Identifier: Apache-2.0
"""What live_bench.py runs inside a network of its own: the realm, both endpoints, a connection between them."""
