"""The original's programs, started once for the whole run, each when the first test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugit_wsgi.cli.dev import create_app
from tests.interop.environment import EnvironmentMissing, make_environment
from tests.interop.processes import HERE, Process
from tests.interop.visitor import Visitor
from tests.support.require import require

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOUNT = "/s/app"


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


@pytest.fixture
def browse(serve: Callable[[WSGIApplication], str], original_service: Process) -> Callable[..., Visitor]:
    """``browse("mem")``: a browser of that user at our stand-alone host before the original service.

    All of a test are at the same host; nothing is cached from another test.
    """
    url = serve(create_app(original_service.url, mount=MOUNT))
    return lambda mode="ano": Visitor(url, MOUNT).become(mode)


@pytest.fixture
def visitor(browse: Callable[..., Visitor]) -> Visitor:
    """Such a browser, nobody logged in."""
    return browse()


@pytest.fixture
def browse_orga(serve: Callable[[WSGIApplication], str], original_service: Process) -> Callable[..., Visitor]:
    """As ``browse``, in organization mode."""
    url = serve(create_app(original_service.url, mount=MOUNT, organizations=True))
    return lambda mode="ano": Visitor(url, MOUNT).become(mode)


@pytest.fixture
def browse_pages(serve: Callable[[WSGIApplication], str], pages_service: Process) -> Callable[..., Visitor]:
    """As ``browse``, before the pages service."""
    url = serve(create_app(pages_service.url, mount=MOUNT, mode="pages"))
    return lambda mode="ano": Visitor(url, MOUNT).become(mode)


@pytest.fixture
def nothing_else() -> WSGIApplication:
    """A host without a page of its own."""

    def host(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"the host's own page"]

    return host
