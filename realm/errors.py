# SPDX-License-Identifier: Apache-2.0
"""The one exception of this package."""


class RealmError(Exception):
    """The realm cannot be made or is no longer whole; the text says what, where and what to do."""
