# SPDX-License-Identifier: Apache-2.0
"""Certificates: which cases a claim needs, one signed file that shows they passed, and the judge over that file again."""
