"""The bundled assets: the table says what the files are, and only the table can be asked for."""

from __future__ import annotations

import hashlib
import posixpath
import re
from pathlib import Path

import pytest

from plugit_wsgi.layout import assets
from plugit_wsgi.layout.assets import ASSETS, CLASSIC_CSS, OWN_CSS, load_asset

STATIC = Path(assets.__file__).parent / "static"


@pytest.mark.parametrize("path", ASSETS)
def test_the_table_tells_the_digest_of_the_file(path: str) -> None:
    """A changed file without a changed line would be kept by browsers under a wrong entity tag."""
    asset = load_asset(path)
    assert asset is not None
    assert ASSETS[path].digest == hashlib.sha256(asset.body).hexdigest()[:32]
    assert asset.etag == f'"{ASSETS[path].digest}"'
    assert asset.content_type == ASSETS[path].content_type


@pytest.mark.parametrize("path", ASSETS)
def test_a_path_names_its_version(path: str) -> None:
    """Assets may be kept for ever, so what changes gets another path."""
    asset = load_asset(path)
    assert asset is not None
    digest = hashlib.sha256(asset.body).hexdigest()
    assert re.search(r"-\d+\.\d+\.\d+/", path) or path in {
        f"plugit-{digest[:12]}.{kind}" for kind in ("css", "js")
    }


def test_an_asset_is_read_once() -> None:
    """The second visitor does not touch the disk."""
    assert load_asset(OWN_CSS) is load_asset(OWN_CSS)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "plugit.css",
        "static/plugit.css",
        f"/{OWN_CSS}",
        f"{OWN_CSS}/",
        f"x/../{OWN_CSS}",
        "../assets.py",
        "../../errors.py",
        "/etc/passwd",
        "bootstrap-5.3.9/LICENSE",
        f"{OWN_CSS}\0",
    ],
)
def test_nothing_but_the_table_is_served(path: str) -> None:
    """The path is looked up, never opened."""
    assert load_asset(path) is None


def test_every_file_is_in_the_table_and_has_its_licence() -> None:
    """What is shipped is served, and what others wrote keeps its licence beside it."""
    files = {str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.is_file()}
    licences = {name for name in files if "LICENSE" in name}
    assert files - licences == {entry.file for entry in ASSETS.values()}
    folders = {name.split("/")[0] for name in files if "/" in name}
    assert {f"{folder}/LICENSE" for folder in folders} <= licences


def test_the_icon_font_is_where_the_classic_stylesheet_looks_for_it() -> None:
    """Services of the classic era use glyphicons; browsers of today take one of these two files."""
    body = (STATIC / ASSETS[CLASSIC_CSS].file).read_text(encoding="utf-8")
    wanted = {name for name in re.findall(r"url\(([^)?#]+)", body) if name.endswith((".woff", ".woff2"))}
    folder = posixpath.dirname(CLASSIC_CSS)
    assert {posixpath.normpath(f"{folder}/{name}") for name in wanted} == {
        path for path in ASSETS if ".woff" in path
    }
    assert len(wanted) == 2


def test_our_stylesheet_fetches_nothing() -> None:
    """Hosts may forbid data: images and other origins."""
    asset = load_asset(OWN_CSS)
    assert asset is not None
    rules = re.sub(rb"/\*.*?\*/", b"", asset.body, flags=re.DOTALL)
    assert b"url(" not in rules
    assert b"@import" not in rules
