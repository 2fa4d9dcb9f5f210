# SPDX-License-Identifier: Apache-2.0
"""The commands, one module each. A module has add(subparsers), which sets `command` to a function of the arguments."""
