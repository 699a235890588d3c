"""Names of reply addresses and of leases."""

from __future__ import annotations

import base64
import re
import secrets

_LEASE = re.compile(r"([0-9]{1,18})-([0-9]{1,9})")


def base32(data: bytes) -> str:
    """Base32 in lower case; whole groups of five bytes only, so that there is no padding."""
    return base64.b32encode(data).decode("ascii").lower()


def new_id() -> str:
    """80 random bits: 16 characters."""
    return base32(secrets.token_bytes(10))


def lease_of(row: int, attempt: int) -> str:
    """The id of one lease of a row."""
    return f"{row}-{attempt}"


def read_lease(id: str) -> tuple[int, int]:
    """Row and attempt of a lease; row 0, which is none, for anything else."""
    found = _LEASE.fullmatch(id)
    return (int(found[1]), int(found[2])) if found else (0, 0)
