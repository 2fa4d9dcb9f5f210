# SPDX-License-Identifier: Apache-2.0
"""Proof that the suite bites: one build of libsspi that holds many faults, each of which a case must notice."""
