# SPDX-License-Identifier: Apache-2.0
"""Tokens as people have them (hex, base64, HTTP headers, files), taken apart into trees, opened where a secret is given."""
