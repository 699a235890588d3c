"""What an action returns when it is not just data (protocol section 11)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class PlugItRedirect:
    """Sends the visitor elsewhere. Immutable.

    Attributes:
        url: below the service's mount; with `no_prefix` as it is.
        no_prefix: `url` is not below the mount. The host refuses what is neither its own nor allowed.
    """

    url: str
    no_prefix: bool = False


@dataclass(frozen=True, slots=True)
class PlugItSendFile:
    """Sends a file. Immutable.

    Attributes:
        filename: a path (below the service's folder if relative) or an open file, which is closed.
        mimetype: of the file.
        as_attachment: the browser saves it instead of showing it.
        attachment_filename: the name it is saved under; "" is the file's own.
    """

    filename: str | os.PathLike[str] | IO[bytes] | IO[str]
    mimetype: str
    as_attachment: bool = False
    attachment_filename: str = ""


@dataclass(frozen=True, slots=True)
class PlugItSetSession:
    """Another result, with values for the visitor's session of this service. Immutable.

    Attributes:
        base: data, a `PlugItRedirect` or a `PlugItSendFile`.
        things_to_set: values by key, kept as text; None deletes a key.
    """

    base: Any
    things_to_set: Mapping[str, Any] = field(default_factory=dict)
