"""Answers of services, proper and otherwise, as bytes: what every transport must read or refuse."""

from __future__ import annotations

from .toxic import HANG, Close, Drip, Pause, Script, Step, ok


def head(*lines: bytes) -> bytes:
    """The head of an answer of these lines."""
    return b"\r\n".join([*lines, b"", b""])


def repeat(times: int, *steps: Step) -> list[Step]:
    """These steps, again and again."""
    return list(steps) * times


OK = b"HTTP/1.1 200 OK"
CHUNKED = head(OK, b"Transfer-Encoding: chunked")

PROPER: dict[str, tuple[str, bytes, int, bytes]] = {
    "length": ("GET", ok(b"hello"), 200, b"hello"),
    "empty": ("GET", ok(b""), 200, b""),
    "no reason": ("GET", head(b"HTTP/1.1 200", b"Content-Length: 2") + b"ok", 200, b"ok"),
    "empty reason": ("GET", head(b"HTTP/1.1 200 ", b"Content-Length: 2") + b"ok", 200, b"ok"),
    "length twice, equal": ("GET", head(OK, b"Content-Length: 2", b"content-length: 2") + b"ok", 200, b"ok"),
    "length listed, equal": ("GET", head(OK, b"Content-Length: 2, 2") + b"ok", 200, b"ok"),
    "no blank after colon": ("GET", head(OK, b"Content-Length:2") + b"ok", 200, b"ok"),
    "chunks": ("GET", CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, b"hello"),
    "big hex": ("GET", CHUNKED + b"00A\r\n0123456789\r\n0\r\n\r\n", 200, b"0123456789"),
    "extension": ("GET", CHUNKED + b'2;a="b"\r\nok\r\n0;c\r\n\r\n', 200, b"ok"),
    "trailers": ("GET", CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n", 200, b"ok"),
    "coding in capitals": ("GET", head(OK, b"Transfer-Encoding: Chunked") + b"0\r\n\r\n", 200, b""),
    "until it closes": ("GET", head(OK, b"Connection: close") + b"hello", 200, b"hello"),
    "HTTP/1.0": ("GET", head(b"HTTP/1.0 200 OK") + b"hello", 200, b"hello"),
    "HEAD": ("HEAD", head(OK, b"Content-Length: 9000"), 200, b""),
    "HEAD, chunked": ("HEAD", CHUNKED, 200, b""),
    "204": ("GET", head(b"HTTP/1.1 204 No Content"), 204, b""),
    "304": ("GET", head(b"HTTP/1.1 304 Not Modified", b"Content-Length: 9000", b'ETag: "a"'), 304, b""),
    "redirect": ("GET", head(b"HTTP/1.1 302 Found", b"Location: /b", b"Content-Length: 0"), 302, b""),
    "error": ("GET", head(b"HTTP/1.1 500 Oh", b"Content-Length: 2") + b"no", 500, b"no"),
    "599": ("GET", head(b"HTTP/1.1 599 Oh", b"Content-Length: 0"), 599, b""),
}
"""Name: method, answer, status, body."""

BROKEN: dict[str, bytes] = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "HTML": b"<html><body>hello</body></html>",
    "HTTP/0.9-like": head(b"200 OK", b"Content-Length: 0"),
    "HTTP/2.0": head(b"HTTP/2.0 200 OK", b"Content-Length: 0"),
    "HTTP/1.2": head(b"HTTP/1.2 200 OK", b"Content-Length: 0"),
    "HTTP/1.10": head(b"HTTP/1.10 200 OK", b"Content-Length: 0"),
    "small http": head(b"http/1.1 200 OK", b"Content-Length: 0"),
    "two blanks": head(b"HTTP/1.1  200 OK", b"Content-Length: 0"),
    "empty line first": b"\r\n" + ok(),
    "status 999": head(b"HTTP/1.1 999 Oh", b"Content-Length: 0"),
    "status 600": head(b"HTTP/1.1 600 Oh", b"Content-Length: 0"),
    "status 099": head(b"HTTP/1.1 099 Oh", b"Content-Length: 0"),
    "status 20": head(b"HTTP/1.1 20 Oh", b"Content-Length: 0"),
    "status 2000": head(b"HTTP/1.1 2000 Oh", b"Content-Length: 0"),
    "status +20": head(b"HTTP/1.1 +20 Oh", b"Content-Length: 0"),
    "status 101": head(b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"),
    "CR in a reason": head(b"HTTP/1.1 200 O\rK", b"Content-Length: 0"),
    "NUL in a reason": head(b"HTTP/1.1 200 O\0K", b"Content-Length: 0"),
    "CR in a value": head(OK, b"X-A: b\rSet-Cookie: c", b"Content-Length: 0"),
    "CR at the end of a value": head(OK, b"X-A: b\r", b"Content-Length: 0"),
    "CR in a name": head(OK, b"X\rA: b", b"Content-Length: 0"),
    "NUL in a value": head(OK, b"X-A: b\0", b"Content-Length: 0"),
    "NUL in a name": head(OK, b"X\0A: b", b"Content-Length: 0"),
    "bell in a value": head(OK, b"X-A: \a", b"Content-Length: 0"),
    "LF in a value": head(OK, b"X-A: b\nSet-Cookie: c", b"Content-Length: 0"),
    "LF alone throughout": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "folded": head(OK, b"X-A: b", b" c", b"Content-Length: 0"),
    "folded by tab": head(OK, b"X-A: b", b"\tc", b"Content-Length: 0"),
    "folded first": head(OK, b" X-A: b", b"Content-Length: 0"),
    "no colon": head(OK, b"X-A", b"Content-Length: 0"),
    "no name": head(OK, b": b", b"Content-Length: 0"),
    "blank before colon": head(OK, b"X-A : b", b"Content-Length: 0"),
    "blank in a name": head(OK, b"X A: b", b"Content-Length: 0"),
    "name beyond ASCII": head(OK, b"X-\xe9: b", b"Content-Length: 0"),
    "negative length": head(OK, b"Content-Length: -1") + b"ok",
    "signed length": head(OK, b"Content-Length: +2") + b"ok",
    "underscored length": head(OK, b"Content-Length: 0_2") + b"ok",
    "hex length": head(OK, b"Content-Length: 0x2") + b"ok",
    "words for length": head(OK, b"Content-Length: two") + b"ok",
    "empty length": head(OK, b"Content-Length:") + b"ok",
    "Arabic digits": head(OK, "Content-Length: \u0662".encode()) + b"ok",
    "endless length": head(OK, b"Content-Length: " + b"9" * 40),
    "length twice": head(OK, b"Content-Length: 2", b"Content-Length: 3") + b"ok!",
    "length listed": head(OK, b"Content-Length: 2, 3") + b"ok!",
    "length, other spelling": head(OK, b"Content-Length: 2", b"Content-Length: 02") + b"ok",
    "length and chunks": head(OK, b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "gzip, chunked": head(OK, b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "identity": head(OK, b"Transfer-Encoding: identity") + b"ok",
    "chunked twice": head(OK, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "empty coding": head(OK, b"Transfer-Encoding:") + b"ok",
    "chunks in 1.0": head(b"HTTP/1.0 200 OK", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunk size 0_2": CHUNKED + b"0_2\r\nok\r\n0\r\n\r\n",
    "chunk size +2": CHUNKED + b"+2\r\nok\r\n0\r\n\r\n",
    "chunk size -2": CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "chunk size 0x2": CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
    "blank before chunk size": CHUNKED + b" 2\r\nok\r\n0\r\n\r\n",
    "blank after chunk size": CHUNKED + b"2 \r\nok\r\n0\r\n\r\n",
    "no chunk size": CHUNKED + b"\r\nok\r\n0\r\n\r\n",
    "word for chunk size": CHUNKED + b"two\r\nok\r\n0\r\n\r\n",
    "endless chunk size": CHUNKED + b"0" * 70000,
    "huge chunk size": CHUNKED + b"1" + b"0" * 20 + b"\r\nok\r\n0\r\n\r\n",
    "chunk longer than said": CHUNKED + b"2\r\nok!\r\n0\r\n\r\n",
    "chunk without line end": CHUNKED + b"2\r\nok0\r\n\r\n",
    "chunk size ended by LF": CHUNKED + b"2\nok\r\n0\r\n\r\n",
    "chunk ended by LF": CHUNKED + b"2\r\nok\n0\r\n\r\n",
    "CR in an extension": CHUNKED + b"2;a\rb\r\nok\r\n0\r\n\r\n",
    "broken trailer": CHUNKED + b"2\r\nok\r\n0\r\nnonsense\r\n\r\n",
    "too many trailers": CHUNKED + b"0\r\n" + b"X: y\r\n" * 65 + b"\r\n",
    "too long trailers": CHUNKED + b"0\r\nX: " + b"y" * 40000 + b"\r\n\r\n",
    "too many headers": head(OK, *[b"X: y"] * 64, b"Content-Length: 0"),
    "5000 headers": head(OK, *[b"X-A: y"] * 5000, b"Content-Length: 0"),
    "too long a header": head(OK, b"X: " + b"y" * 40000, b"Content-Length: 0"),
    "endless header": OK + b"\r\nX: " + b"y" * 100000,
    "9 interim answers": head(b"HTTP/1.1 100 Continue") * 9 + ok(),
    "20000 interim answers": head(b"HTTP/1.1 100 Continue") * 20000,
    "broken interim answer": head(b"HTTP/1.1 103 Hint", b"X\rA: b") + ok(),
    "more body than length": head(OK, b"Content-Length: 2") + b"ok and more",
}
"""Refused as `WireError`, at once."""

CUT: dict[str, Script] = {
    "at once": [Close()],
    "by reset": [Close(reset=True)],
    "in the status line": [b"HTTP/1.1 2", Close()],
    "in the head": [OK + b"\r\nContent-Length: 2\r\n", Close()],
    "in the head by reset": [OK + b"\r\nContent-Length: 2\r\n", Pause(0.05), Close(reset=True)],
    "after the head": [head(OK, b"Content-Length: 2"), Close()],
    "in the body": [head(OK, b"Content-Length: 20") + b"ok", Close()],
    "in the body by reset": [head(OK, b"Content-Length: 20") + b"ok", Pause(0.05), Close(reset=True)],
    "before the first chunk": [CHUNKED, Close()],
    "in a chunk size": [CHUNKED + b"2", Close()],
    "in a chunk": [CHUNKED + b"5\r\nok", Close()],
    "after a chunk": [CHUNKED + b"2\r\nok", Close()],
    "between chunks": [CHUNKED + b"2\r\nok\r\n", Close()],
    "before the last empty line": [CHUNKED + b"2\r\nok\r\n0\r\n", Close()],
    "after an interim answer": [head(b"HTTP/1.1 103 Early Hints"), Close()],
}
"""Refused as `ServiceUnreachable`: they end too early."""

SLOW: dict[str, Script] = {
    "says nothing": [HANG],
    "stops in the head": [OK + b"\r\nX-A: b\r\n", HANG],
    "stops in the body": [head(OK, b"Content-Length: 20") + b"ok", HANG],
    "stops between chunks": [CHUNKED + b"2\r\nok\r\n", HANG],
    "stops after interim answers": [head(b"HTTP/1.1 103 Early Hints"), HANG],
    "drips its head": [Drip(head(OK, *[b"X-Padding: y"] * 20), 0.05)],
    "drips its body": [head(OK, b"Content-Length: 999"), Drip(b"x" * 999, 0.05)],
    "drips chunks": [CHUNKED, *repeat(200, b"1\r\nx\r\n", Pause(0.05))],
    "drips interim answers": [*repeat(8, head(b"HTTP/1.1 102 Processing"), Pause(0.05)), HANG],
}
"""Refused as `ServiceTimeout`: they do not end in time."""
