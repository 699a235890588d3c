"""Fixtures for every test, and the rule that nothing skips where everything is due."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import settings

from tests.support import planted
from tests.support.browser import forget_everything, start_browser
from tests.support.postgres import postgres  # noqa: F401 (a fixture)
from tests.support.servers import serve_in_thread

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from selenium.webdriver import Chrome

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

HERE = Path(__file__).parent
REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"

# No deadline: how long an example takes tells of a busy machine, not of us. Where everything is due,
# the examples are the same each time: a new counterexample should not turn up in an unrelated change.
settings.register_profile("suite", deadline=None, derandomize=REQUIRE_ALL)
settings.load_profile("suite")
FOLDER_MARKS = {HERE / "browser": "browser", HERE / "interop": "interop"}

# These have limits of wall-clock time, or many processes: on a machine that others use too, one may be late.
# A test that fails is tried once more, and is listed; more than a few such tests fail the run.
SHARED_MACHINE = [HERE / name for name in ("browser", "examples", "faults", "hosts", "live", "unit/testing")]
SECOND_TRIES = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder and by fixture, so that no test forgets."""
    for item in items:
        for folder, mark in FOLDER_MARKS.items():
            if folder in item.path.parents:
                item.add_marker(mark)
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        if any(folder in item.path.parents for folder in SHARED_MACHINE):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=1))


def pytest_collection_finish() -> None:
    """Ten thousand tests are for good: the collector need not look at them, which takes 0.2 s each time.

    Tests with short deadlines would meet that pause.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With REQUIRE_ALL=1 a skipped test is a failed one; always one that printed a planted secret."""
    report = yield
    return _fail_telling(_fail_skipped(report))


def _fail_telling(report: pytest.TestReport) -> pytest.TestReport:
    found = planted.find("\n".join(text for _title, text in report.sections))
    if found:
        report.outcome = "failed"
        report.longrepr = f"printed {', '.join(found)}; the rest of the report is left out"
        report.sections.clear()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How much was searched, so that nobody takes nothing for clean; and how many tests were tried again."""
    terminalreporter.write_line(f"planted secrets: {planted.searched} texts of this run were searched")
    again = len(terminalreporter.stats.get("rerun", ()))
    if again > SECOND_TRIES:
        terminalreporter.write_line(f"{again} tests needed a second try; {SECOND_TRIES} at most may")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run in which many tests passed at the second try only is a failed one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and len(reporter.stats.get("rerun", ())) > SECOND_TRIES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """With REQUIRE_ALL=1 a module that skips itself is a failed one."""
    report = yield
    return _fail_skipped(report)


def _fail_skipped(report: Report) -> Report:
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, while REQUIRE_ALL=1 says that nothing may: {report.longrepr}"
    return report


@pytest.fixture
def free_port() -> int:
    """A port of the loopback that was free a moment ago. Prefer port 0 where the server can tell its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def serve() -> Iterator[Callable[[WSGIApplication], str]]:
    """`serve(app)` runs `app`, inside wsgiref.validate, on a threaded server; gives its base URL, no slash.

    A breach of the WSGI rules fails the test when it ends.
    """
    with ExitStack() as running:
        yield lambda app: running.enter_context(serve_in_thread(app))


@pytest.fixture(scope="session")
def _chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    driver = start_browser(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture
def browser(_chromium: Chrome) -> Chrome:
    """A headless Chromium without cookies, storage, cache or open page, 1280 by 900."""
    forget_everything(_chromium)
    return _chromium
