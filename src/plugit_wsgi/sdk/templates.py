"""The template files of a service, and the tags that change when their text does."""

from __future__ import annotations

import hashlib
from pathlib import Path

from werkzeug.security import safe_join


class TemplateFolder:
    """The folder ``templates/``. Thread-safe.

    A text is read and hashed again when its file changes (time or size), not for every call.

    Args:
        folder: may be missing, if no action has a template.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # One assignment per entry, of a value that is right for its key: no lock is needed.
        self._known: dict[str, tuple[tuple[int, int], str, bytes]] = {}

    def load_tag(self, name: str) -> str:
        """A digest of the text and of nothing else; "" for no template.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not UTF-8.
        """
        return self._load(name)[0] if name else ""

    def load_text(self, name: str) -> bytes:
        """The text as UTF-8.

        Raises:
            OSError, ValueError: as `load_tag`.
        """
        return self._load(name)[1]

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        path = safe_join(str(self._folder), name)
        return path is not None and Path(path).is_file()

    def _load(self, name: str) -> tuple[str, bytes]:
        path = safe_join(str(self._folder), name)
        if path is None:
            raise FileNotFoundError(f"template {name!r} is outside of {self._folder}")
        status = Path(path).stat()
        version = (status.st_mtime_ns, status.st_size)
        known = self._known.get(name)
        if known is None or known[0] != version:
            text = Path(path).read_bytes()
            text.decode("utf-8")  # the protocol's encoding: better refused here than shown broken there
            known = self._known[name] = (version, hashlib.sha256(text).hexdigest(), text)
        return known[1], known[2]
