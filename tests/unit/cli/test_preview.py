"""``plugit-wsgi preview``: a link that the host takes, or one sentence that says why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import planted

from plugit_wsgi.cli import main
from plugit_wsgi.clock import SystemClock
from plugit_wsgi.config import Service
from plugit_wsgi.deployments import Variant
from plugit_wsgi.variants.preview import Previews
from plugit_wsgi.wire.keys import Purpose, load_secrets

OLD, NEW = planted.OLDER, planted.SECRET
POLLS = Service("polls", "http://127.0.0.1:1", variants=(Variant("next", "http://127.0.0.1:2"),))
SERVICES = """
[[services]]
name = "polls"
url = "http://127.0.0.1:1"
{mount}
[[services.variants]]
name = "next"
url = "http://127.0.0.1:2"
[[services]]
name = "notes"
url = "http://127.0.0.1:3"
"""
USUAL = ("--for", "2h", "--url", "https://example.org")


@pytest.fixture(autouse=True)
def _no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUGIT_SECRET_KEY", raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "plugit.toml"
    path.write_text(f'secret_key = ["{OLD}", "{NEW}"]\n' + SERVICES.format(mount=""))
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    return out.strip()


def granted(url: str, start: str, *secrets: str) -> tuple[str, float]:
    """Variant, and seconds that are left, of a link that begins like that."""
    assert url.startswith(f"{start}/ebuio_preview?token=")
    clock = SystemClock()
    previews = Previews(load_secrets(secrets or (OLD, NEW)).derived(Purpose.PREVIEW), clock)
    grant = previews.read_link(POLLS, url.partition("token=")[2])
    return grant.variant, grant.expires - clock.time()


@pytest.mark.parametrize(
    ("time", "seconds"), [("1m", 60), ("2h", 7200), ("90m", 5400), ("30d", 2_592_000), ("720h", 2_592_000)]
)
def test_a_link_for_that_time(
    config: Path, capsys: pytest.CaptureFixture[str], time: str, seconds: int
) -> None:
    """On the mount of the service, signed with the newest secret."""
    arguments = ["polls", "next", "--for", time, "--url", "https://example.org/", "--config", str(config)]
    assert main(["preview", *arguments]) == 0
    variant, left = granted(printed(capsys), "https://example.org/s/polls", NEW)
    assert variant == "next"
    assert seconds - 5 < left <= seconds


@pytest.mark.parametrize(
    ("top", "mount", "options", "url"),
    [
        ("", 'mount = "/vote"', (), "https://example.org/vote"),
        ('prefix = "/apps"\n', "", (), "https://example.org/apps/polls"),
        ("", 'mount = "/vote"', ("--mount", "/elsewhere/"), "https://example.org/elsewhere"),
        ("", "", ("--url", "http://127.0.0.1:8000/below/"), "http://127.0.0.1:8000/below/s/polls"),
    ],
)
def test_where_the_service_is(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    top: str,
    mount: str,
    options: tuple[str, ...],
    url: str,
) -> None:
    """As the file says, below the site's own path."""
    path = tmp_path / "plugit.toml"
    path.write_text(f'secret_key = "{NEW}"\n{top}' + SERVICES.format(mount=mount))
    assert main(["preview", "polls", "next", *USUAL, "--config", str(path), *options]) == 0
    assert granted(printed(capsys), url)[0] == "next"


def test_the_secret_of_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a file without one, and for hosts whose services are named in Python."""
    monkeypatch.setenv("PLUGIT_SECRET_KEY", NEW)
    path = tmp_path / "plugit.toml"
    path.write_text(SERVICES.format(mount=""))
    for options in (["--config", str(path)], []):
        assert main(["preview", "polls", "next", *USUAL, *options]) == 0
        assert granted(printed(capsys), "https://example.org/s/polls")[0] == "next"


REFUSED = [
    (["votes", "next"], "SERVICE: got 'votes', expected one of the services of {config}: polls, notes"),
    (["polls", "nxt"], "VARIANT: got 'nxt', expected one of the variants of polls in {config}: next"),
    (
        ["notes", "next"],
        "VARIANT: got 'next', expected one of the variants of notes in {config}, which has none",
    ),
    (["Polls", "next"], "SERVICE: got 'Polls', expected [a-z0-9][a-z0-9-]*"),
    (["polls", "a@b"], "VARIANT: got 'a@b', expected [a-z0-9][a-z0-9-]*"),
    *(
        (["polls", "next", f"--for={time}"], f"--for: got {time!r}, expected a number with m, h or d")
        for time in ("2", "h", "0h", "-1h", "1.5h", "2 h", "2H", "31d", "721h", "2h30m", "", "٢h")
    ),
    (["polls", "next", "--url", "example.org"], "--url: got 'example.org', expected an http:// or https://"),
    (["polls", "next", "--url", "https://example.org/?a"], "--url: got 'https://example.org/?a'"),
    (["polls", "next", "--mount", "vote"], "--mount: got 'vote', expected a path with a leading slash"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=lambda value: "".join(value)[:30])
def test_what_makes_no_link(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """One sentence, exit code 2, nothing on stdout."""
    words, options = arguments[:2], arguments[2:]
    assert main(["preview", *words, *USUAL, "--config", str(config), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"plugit-wsgi preview: {sentence.format(config=config)}")
    assert err.count("\n") == 1


def test_without_a_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Says where it may be."""
    path = tmp_path / "plugit.toml"
    path.write_text(SERVICES.format(mount=""))
    for options, name in ((["--config", str(path)], f"{path}: secret_key"), ([], "PLUGIT_SECRET_KEY")):
        assert main(["preview", "polls", "next", *USUAL, *options]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"plugit-wsgi preview: {name}: got None, expected the host's secret in the")


def test_without_a_file_that_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "polls", "next", *USUAL, "--config", str(tmp_path / "no.toml")]) == 2
    assert "expected a TOML file that can be read" in capsys.readouterr().err
