from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import pytest

from plugit_wsgi.transport.trust import Trust, of_the_system


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """OpenSSL's paths are ``cert.pem`` and ``certs`` in this folder; neither is there yet."""

    def paths() -> ssl.DefaultVerifyPaths:
        file, folder = tmp_path / "cert.pem", tmp_path / "certs"
        return ssl.DefaultVerifyPaths(
            str(file) if file.is_file() else None,
            str(folder) if folder.is_dir() else None,
            *("SSL_CERT_FILE", str(file), "SSL_CERT_DIR", str(folder)),
        )

    monkeypatch.setattr(ssl, "get_default_verify_paths", paths)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    return tmp_path


def make_file(system: Path) -> str:
    (system / "cert.pem").touch()
    return str(system / "cert.pem")


def make_folder(system: Path, *names: str) -> str:
    (system / "certs").mkdir()
    for name in names:
        (system / "certs" / name).touch()
    return str(system / "certs")


def test_a_system_without_authorities(system: Path) -> None:
    """Certifi's."""
    assert of_the_system() == Trust(file=certifi.where())


def test_a_folder_without_hashed_names(system: Path) -> None:
    """OpenSSL finds nothing there."""
    make_folder(system, "authority.pem")
    assert of_the_system() == Trust(file=certifi.where())


def test_a_file_alone(system: Path) -> None:
    """Is read."""
    file = make_file(system)
    assert of_the_system() == Trust(file=file)


def test_a_folder_beside_a_file(system: Path) -> None:
    """The folder: of a file all would be read for each connection."""
    make_file(system)
    folder = make_folder(system, "1a2b3c4d.0")
    assert of_the_system() == Trust(folder=folder)


def test_a_file_of_ones_own(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is read as well."""
    file, folder = make_file(system), make_folder(system, "1a2b3c4d.0")
    monkeypatch.setenv("SSL_CERT_FILE", file)
    assert of_the_system() == Trust(file=file, folder=folder)
