"""Settings of the portal for tests: hundreds of logins in no time, and no connection outlives its thread."""

from __future__ import annotations

from portal.settings import *  # noqa: F403
from portal.settings import DATABASES as _DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES = {"default": {**_DATABASES["default"], "CONN_MAX_AGE": 0}}
