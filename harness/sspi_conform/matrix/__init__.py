# SPDX-License-Identifier: Apache-2.0
"""Every initiator against every acceptor, in a few cases of the suite; `sspi-conform matrix`."""
