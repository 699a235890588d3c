"""The original's programs, started once for the whole run, each when the first test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.environment import EnvironmentMissing, make_environment
from tests.interop.processes import HERE, Process
from tests.support.require import require


@pytest.fixture(scope="session")
def python27() -> Path:
    """The interpreter of the original's environment, made now if it is not there."""
    try:
        return make_environment()
    except EnvironmentMissing as error:
        require(False, str(error))
        raise


@pytest.fixture(scope="session")
def start_original(
    python27: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Process]]:
    """Starts ``FOLDER/server.py`` of the original's programs; all of them end with the run."""
    folder = tmp_path_factory.mktemp("original")
    started: list[Process] = []

    def start(program: str, **env: str) -> Process:
        name = f"{program}-{len(started)}"
        process = Process([str(python27), str(HERE / program / "server.py")], folder, name, env)
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="session")
def _original_service(start_original: Callable[..., Process]) -> Process:
    return start_original("original_service")


@pytest.fixture(scope="session")
def _pages_service(start_original: Callable[..., Process]) -> Process:
    return start_original("original_pages")


@pytest.fixture
def original_service(_original_service: Process) -> Process:
    """A service written with the genuine plugit; its record starts empty."""
    _original_service.forget()
    return _original_service


@pytest.fixture
def pages_service(_pages_service: Process) -> Process:
    """A ProxyMode service of the original era; its record starts empty."""
    _pages_service.forget()
    return _pages_service


@pytest.fixture(scope="session")
def original_proxy(start_original: Callable[..., Process]) -> Callable[..., Process]:
    """The genuine Django proxy in front of the service at a URL; one process for each distinct wish."""
    running: dict[tuple[str, bool, bool], Process] = {}

    def proxy(url: str, *, pages: bool = False, organizations: bool = False) -> Process:
        wish = (url, pages, organizations)
        if wish not in running:
            running[wish] = start_original(
                "original_proxy",
                PLUGIT_SERVER=url,
                PLUGIT_PROXYMODE="1" if pages else "0",
                PLUGIT_ORGAMODE="1" if organizations else "0",
            )
        return running[wish]

    return proxy
