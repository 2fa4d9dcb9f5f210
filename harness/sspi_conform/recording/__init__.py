# SPDX-License-Identifier: Apache-2.0
"""The suite's cases played on real Windows, and what came of them as captures of the kind `recorded`."""
