"""Visitors in a process of their own: a plan goes in as JSON, what each request met comes out.

A stream is open (a request leaves when its time has come, whatever became of those before) or a number of
visitors, each of whom waits for an answer before asking again.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit

ENOUGH: Final = 4 * 1024 * 1024
"""Bytes after which a visitor of a large file hangs up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Requests of one kind. Immutable.

    Attributes:
        name: to find its samples by.
        url: what is asked for, by GET.
        rate: requests a second, all visitors together.
        visitors: 0 is an open stream.
        text: a right answer has it.
    """

    name: str
    url: str
    rate: float
    visitors: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What became of one request. Immutable.

    Attributes:
        at: seconds after the beginning when it was due.
        seconds: from then to the end of its answer.
        status: 0 if there was no answer, or not a whole one.
        right: it was 200, whole, with the text of its stream.
        leaks: its answer had one of the words that must not be in it.
    """

    at: float
    seconds: float
    status: int
    right: bool
    leaks: bool


def run_load(
    streams: Sequence[Stream], *, seconds: float, grace: float, secrets: Sequence[str] = ()
) -> dict[str, list[Sample]]:
    """Sends streams from another process.

    Args:
        streams: all run at the same time.
        seconds: how long requests are sent.
        grace: seconds that those on their way then get.
        secrets: words that must not be in any answer.
    """
    plan = {
        "streams": [asdict(stream) for stream in streams],
        "seconds": seconds,
        "grace": grace,
        "secrets": list(secrets),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", __name__],
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds + grace + 30,
    )
    found = json.loads(done.stdout)
    return {name: [Sample(*values) for values in samples] for name, samples in found.items()}


class _Load:
    """Sends a plan. One per process."""

    def __init__(self, plan: Mapping[str, list[str]], seconds: float) -> None:
        self._secrets = [word.encode() for word in plan["secrets"]]
        self._start = time.monotonic() + 0.05
        self._end = self._start + seconds
        self.samples: list[Sample] = []

    async def run(self, stream: Stream, grace: float) -> list[Sample]:
        """All requests of a stream."""
        samples: list[Sample] = []
        send = self._sender(stream, samples)
        steps = [self._visit(stream, number, send) for number in range(stream.visitors)] or [
            self._flow(stream, send)
        ]
        await asyncio.wait(
            [asyncio.ensure_future(step) for step in steps],
            timeout=self._end + grace - time.monotonic(),
        )
        return samples

    async def _flow(self, stream: Stream, send: Callable[[float], Awaitable[None]]) -> None:
        tasks = []
        for number in range(round((self._end - self._start) * stream.rate)):
            due = self._start + number / stream.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.ensure_future(send(due)))
        await asyncio.gather(*tasks)

    async def _visit(self, stream: Stream, number: int, send: Callable[[float], Awaitable[None]]) -> None:
        period = stream.visitors / stream.rate
        due = self._start + number / stream.rate
        while due < self._end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await send(due)
            due = max(due + period, time.monotonic())

    def _sender(self, stream: Stream, samples: list[Sample]) -> Callable[[float], Awaitable[None]]:
        async def send(due: float) -> None:
            status, right, leaks = 0, False, False
            try:
                head, body, whole = await _fetch(stream.url)
                leaks = any(word in head or word in body for word in self._secrets)
                status = int(head.split(b" ", 2)[1]) if whole else 0
                right = status == 200 and stream.text.encode() in body
            except (OSError, ValueError, IndexError):
                pass
            finally:  # cancelled too: those who were never answered count
                seconds = time.monotonic() - due
                samples.append(Sample(round(due - self._start, 4), round(seconds, 5), status, right, leaks))

        return send


async def _fetch(url: str) -> tuple[bytes, bytes, bool]:
    """Head, body (its first ENOUGH bytes), and whether it came whole."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode("ascii"))
        head = await reader.readuntil(b"\r\n\r\n")
        body, whole = await _read_body(reader, head.lower())
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b"", b"", False
    finally:
        writer.close()
    return head, body, whole


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> tuple[bytes, bool]:
    """The body, and whether it is all of it; who has ENOUGH does not ask for more."""
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    length = int(fields[b"content-length"]) if b"content-length" in fields else None
    chunked = b"transfer-encoding" in fields
    body = bytearray()
    while len(body) < ENOUGH:
        if len(body) == length or (chunked and body.endswith(b"0\r\n\r\n")):
            return bytes(body), True
        piece = await reader.read(256 * 1024)
        if not piece:
            return bytes(body), length is None and not chunked
        body += piece
    return bytes(body), True


async def _run(plan: dict[str, list[dict[str, object]]], seconds: float, grace: float) -> dict[str, object]:
    load = _Load(plan, seconds)  # type: ignore[arg-type]  # it is JSON
    streams = [Stream(**values) for values in plan["streams"]]  # type: ignore[arg-type]  # it is JSON
    found = await asyncio.gather(*(load.run(stream, grace) for stream in streams))
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    return {
        stream.name: [[s.at, s.seconds, s.status, s.right, s.leaks] for s in samples]
        for stream, samples in zip(streams, found, strict=True)
    }


if __name__ == "__main__":
    given = json.load(sys.stdin)
    json.dump(asyncio.run(_run(given, given["seconds"], given["grace"])), sys.stdout)
