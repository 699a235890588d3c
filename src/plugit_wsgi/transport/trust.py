"""Whose certificates a transport believes, for libraries that take paths."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi


@dataclass(frozen=True, slots=True)
class Trust:
    """Certificates of authorities: a PEM file, a folder with hashed names, or both. Immutable."""

    file: str | None = None
    folder: str | None = None


def of_the_system() -> Trust:
    """What OpenSSL reads on this system, SSL_CERT_FILE and SSL_CERT_DIR included; else certifi's.

    A folder goes before a file that nobody chose: beside a folder, libcurl would read the whole file for each
    new connection.
    """
    paths = ssl.get_default_verify_paths()
    folder = paths.capath if paths.capath and any(Path(paths.capath).glob("*.0")) else None
    if paths.openssl_cafile_env in os.environ or not folder:
        return Trust(paths.cafile or (None if folder else certifi.where()), folder)
    return Trust(folder=folder)
