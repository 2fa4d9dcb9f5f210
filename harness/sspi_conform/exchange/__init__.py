# SPDX-License-Identifier: Apache-2.0
"""Security exchanges as they were on the wire: the file that `import` writes and `diagnose` and `reproduce` read."""
