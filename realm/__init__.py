# SPDX-License-Identifier: Apache-2.0
"""A throwaway MIT Kerberos realm and NTLM domain with TLS certificates, for tests."""
from .accounts import Account, Service
from .ad import AdRealm
from .errors import RealmError
from .realm import Realm
from .tls import Tls

__all__ = ["Account", "AdRealm", "Realm", "RealmError", "Service", "Tls"]
