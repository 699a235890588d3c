"""What is kept, as JSON and back.

1. Only values of the kinds below are written; each says which it is. There is no way to name another class.
2. A tuple comes back as a tuple, bytes as bytes, Markup as Markup, a time as a time of the reader's clock.
3. The form is told by `FORMAT`: a release that keeps other fields does not read those of this one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from markupsafe import Markup

from ..cache.kept import Kept
from ..page import Fragment
from ..wire.meta import ActionMeta
from ..wire.result import NO_WRITES, Data

FORM = 1
_PLAIN = (type(None), bool, int, str, float)


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of one class are written and read. Immutable.

    Attributes:
        cls: exactly that class.
        write: from a value and the codec's `encode` to something JSON-able.
        read: the reverse, given the codec's `decode`.
    """

    cls: type[Any]
    write: Callable[[Any, Callable[[Any], Any]], Any]
    read: Callable[[Any, Callable[[Any], Any]], Any]


def plain(cls: type[Any]) -> Kind:
    """A dataclass that is written field by field."""
    names = [field.name for field in fields(cls)]
    return Kind(
        cls,
        lambda value, encode: {name: encode(getattr(value, name)) for name in names},
        lambda found, decode: cls(**{name: decode(found[name]) for name in names}),
    )


def _write_data(value: Data, _encode: Any) -> Any:
    if value.writes != NO_WRITES:
        raise TypeError("an answer that writes the session is for one visitor")
    raw = value.raw.decode("utf-8")
    return {"status": value.status, "headers": value.headers, "raw": raw}


def _read_data(found: Any, _decode: Any) -> Data:
    raw = found["raw"].encode("utf-8")
    headers = tuple((str(name), str(value)) for name, value in found["headers"])
    return Data(status=found["status"], headers=headers, value=json.loads(raw), raw=raw)


_DATA = Kind(Data, _write_data, _read_data)
_META = Kind(
    ActionMeta,
    lambda value, _encode: value.to_mapping(),
    lambda found, _decode: ActionMeta.from_mapping(found),
)
KINDS = (_META, _DATA, plain(Fragment))
_FIELDS = [(cls.__name__, [f.name for f in fields(cls)]) for cls in (ActionMeta, Data, Fragment, Kept)]
FORMAT = hashlib.sha256(repr((FORM, _FIELDS)).encode("ascii")).hexdigest()[:8]
"""Changes by itself with the fields of what is kept; `FORM` is raised by hand if only their meaning does."""


class Codec:
    """Writes and reads what is kept. Immutable, thread-safe.

    Args:
        kinds: beside JSON's own, tuples, bytes, `Markup` and `Kept`.
    """

    def __init__(self, kinds: tuple[Kind, ...] = KINDS) -> None:
        self._by_class = {kind.cls: kind for kind in kinds}
        self._by_name = {kind.cls.__name__: kind for kind in kinds}

    def encode(self, value: Any, now: float) -> Any:
        """Something JSON-able.

        Args:
            value: to be kept.
            now: monotonic.

        Raises:
            TypeError, ValueError, RecursionError: it is none of what can be kept.
        """

        def encode(value: Any) -> Any:
            kind = type(value)
            if kind in _PLAIN:
                return value
            if kind is list:
                return [encode(item) for item in value]
            if kind is Kept:
                return {"kept": encode(value.value), "left": value.fresh_until - now}
            if kind in self._by_class:
                return {kind.__name__: self._by_class[kind].write(value, encode)}
            return _encode_other(kind, value, encode)

        return encode(value)

    def decode(self, found: Any, stored_at: float) -> Any:
        """The reverse of `encode`.

        Args:
            found: what it returned.
            stored_at: when that was, on the monotonic clock of this process.

        Raises:
            Exception: of any kind; it is not.
        """

        def decode(found: Any) -> Any:
            if type(found) is list:
                return [decode(item) for item in found]
            if type(found) is not dict:
                return found
            if "kept" in found:
                return Kept(value=decode(found["kept"]), fresh_until=stored_at + found["left"])
            ((name, content),) = found.items()
            if name in _READERS:
                return _READERS[name](content, decode)
            return self._by_name[name].read(content, decode)

        return decode(found)


def _encode_other(kind: type[Any], value: Any, encode: Callable[[Any], Any]) -> Any:
    if kind is tuple:
        return {"tuple": [encode(item) for item in value]}
    if kind is Markup:
        return {"markup": str(value)}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if kind is dict and all(type(key) is str for key in value):
        return {"dict": {key: encode(item) for key, item in value.items()}}
    raise TypeError(f"{kind.__name__} cannot be kept as JSON")


_READERS: Mapping[str, Callable[[Any, Callable[[Any], Any]], Any]] = {
    "tuple": lambda content, decode: tuple(decode(item) for item in content),
    "markup": lambda content, _decode: Markup(content),
    "bytes": lambda content, _decode: base64.b64decode(content, validate=True),
    "dict": lambda content, decode: {key: decode(item) for key, item in content.items()},
}
