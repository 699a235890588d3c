"""Settings of the portal, for hundreds of logins: passwords are hashed in no time."""

from __future__ import annotations

from portal.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
