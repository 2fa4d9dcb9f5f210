# SPDX-License-Identifier: Apache-2.0
"""The independent counterpart: NTLM and SPNEGO in Python, Kerberos by MIT GSSAPI, behind the probe protocol."""
