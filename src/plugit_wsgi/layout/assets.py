"""The stylesheets, scripts and fonts of the bundled layout: a table, and how to read a line of it.

Bootstrap and jQuery are the minified files as published, byte for byte, each folder with its licence. Every
path names its version (our own stylesheet: its content), so an asset never changes and may be kept for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple

_CSS: Final = "text/css; charset=utf-8"
_SCRIPT: Final = "text/javascript; charset=utf-8"

BOOTSTRAP_CSS: Final = "bootstrap-5.3.9/css/bootstrap.min.css"
BOOTSTRAP_SCRIPT: Final = "bootstrap-5.3.9/js/bootstrap.bundle.min.js"
CLASSIC_CSS: Final = "bootstrap-3.4.1/css/bootstrap.min.css"
CLASSIC_SCRIPT: Final = "bootstrap-3.4.1/js/bootstrap.min.js"
JQUERY: Final = "jquery-3.7.1/jquery.min.js"
OWN_CSS: Final = "plugit-d431905cbe8d.css"
FRAME_CSS: Final = "plugit-46da2315832e.css"
FRAME_SCRIPT: Final = "plugit-a85cf556e48a.js"
FRAMED_SCRIPT: Final = "plugit-82c8121c168e.js"


class AssetFile(NamedTuple):
    """Where an asset is, and what. Immutable.

    Attributes:
        file: path below ``layout/static/`` of the package.
        content_type: for the answer.
        digest: first 32 hex digits of the content's SHA-256.
    """

    file: str
    content_type: str
    digest: str


ASSETS: Final[dict[str, AssetFile]] = {
    BOOTSTRAP_CSS: AssetFile(BOOTSTRAP_CSS, _CSS, "9caac977a0af0c2229abd397eee33458"),
    BOOTSTRAP_SCRIPT: AssetFile(BOOTSTRAP_SCRIPT, _SCRIPT, "4ad2ad30a7df1fa0a615c4cfeb1aeffb"),
    CLASSIC_CSS: AssetFile(CLASSIC_CSS, _CSS, "6d92dfc1700fd38cd130ad818e23bc8a"),
    CLASSIC_SCRIPT: AssetFile(CLASSIC_SCRIPT, _SCRIPT, "9ee2fcff6709e4d0d24b09ca0fc56aad"),
    "bootstrap-3.4.1/fonts/glyphicons-halflings-regular.woff2": AssetFile(
        "bootstrap-3.4.1/fonts/glyphicons-halflings-regular.woff2",
        "font/woff2",
        "fe185d11a49676890d47bb783312a0cd",
    ),
    "bootstrap-3.4.1/fonts/glyphicons-halflings-regular.woff": AssetFile(
        "bootstrap-3.4.1/fonts/glyphicons-halflings-regular.woff",
        "font/woff",
        "a26394f7ede100ca118eff2eda085962",
    ),
    JQUERY: AssetFile(JQUERY, _SCRIPT, "fc9a93dd241f6b045cbff0481cf4e190"),
    OWN_CSS: AssetFile("plugit.css", _CSS, "d431905cbe8df5c643194705d29945e4"),
    FRAME_CSS: AssetFile("frame.css", _CSS, "46da2315832edcab1c99505a0da3509b"),
    FRAME_SCRIPT: AssetFile("frame.js", _SCRIPT, "a85cf556e48aaec2f814b38175c05d1b"),
    FRAMED_SCRIPT: AssetFile("framed.js", _SCRIPT, "82c8121c168e91bc19e565e81b385f8a"),
}
"""URL path below the assets' prefix -> file."""


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset, ready to be sent. Immutable.

    Attributes:
        body: the content.
        content_type: with charset, for text.
        etag: a strong entity tag, with its quotes.
    """

    body: bytes
    content_type: str
    etag: str


@lru_cache(maxsize=len(ASSETS))
def _read(path: str) -> Asset:
    entry = ASSETS[path]
    body = (resources.files(__package__) / "static" / entry.file).read_bytes()
    return Asset(body, entry.content_type, f'"{entry.digest}"')


def load_asset(path: str) -> Asset | None:
    """Reads an asset, and keeps it in memory. Thread-safe.

    Args:
        path: the URL path below the assets' prefix, decoded, without leading slash.

    Returns:
        None if there is no such asset. Only paths of the table exist: nothing of a visitor's URL reaches
        the file system.
    """
    return _read(path) if path in ASSETS else None
