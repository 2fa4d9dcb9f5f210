# SPDX-License-Identifier: Apache-2.0
"""A throwaway MIT Kerberos realm and NTLM domain with TLS certificates, for tests."""
from .accounts import Account, Service
from .errors import RealmError
from .realm import Realm
from .tls import Tls

__all__ = ["Account", "Realm", "RealmError", "Service", "Tls"]
