# SPDX-License-Identifier: Apache-2.0
"""Proof against Windows itself: recorded exchanges played again, and the tokens compared byte for byte.

The recordings are data beside the project and never part of it. What has to be known besides them (a published
password, what a server's administrator had set) is in exchanges.yaml; what is not equal, and why, in
differences.yaml.
"""
