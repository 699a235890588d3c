"""Two services that run for all tests of this folder, and the files that they have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.programs import MIB, NAMES, run_service

BIG = 50 * MIB


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the services: `big` has 50 MiB that nothing can compress."""
    folder = tmp_path_factory.mktemp("files")
    with (folder / "big").open("wb") as file:
        for _ in range(BIG // MIB):
            file.write(os.urandom(MIB))
    return folder


@pytest.fixture(scope="session")
def services(files: Path) -> Iterator[dict[str, str]]:
    """`live` and `twin`: the same service twice, with a name and a key of its own each; name to URL."""
    with ExitStack() as running:
        servers = dict(zip(NAMES, ("cheroot", "waitress"), strict=True))
        yield {name: running.enter_context(run_service(name, servers[name], files)) for name in NAMES}


@pytest.fixture(scope="session")
def pages(files: Path) -> Iterator[str]:
    """The URL of the service once more, for pages mode: it believes every header that it gets."""
    with run_service("pages", "cheroot", files, checks=False) as url:
        yield f"{url}/action"  # there, a page is at its own path
