# SPDX-License-Identifier: Apache-2.0
"""sspi-conform: does an SSPI implementation behave like Windows?"""
