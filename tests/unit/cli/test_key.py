"""``plugit-wsgi key NAME``: the same key as the host derives, and no way to type a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugit_wsgi.cli import main
from plugit_wsgi.sdk.service_config import load_config
from plugit_wsgi.wire.keys import api_keys, load_secrets, parse_service_keys, service_keys

OLD, NEW = "the old secret of a host, long enough", "the new secret of a host, long enough"
# HMAC-SHA256(32 times "x", "plugit-wsgi/service/polls") in base64url, by another implementation.
VECTOR = ("x" * 32, "polls", "I3FjZTG1eq_Et426YK_vCVWJor8KO_ozEzziklm7hkw")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without a secret."""
    monkeypatch.delenv("PLUGIT_SECRET_KEY", raising=False)
    return monkeypatch


def test_prints_the_key_and_nothing_else(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the byte what the protocol says."""
    secret, name, key = VECTOR
    environment.setenv("PLUGIT_SECRET_KEY", secret)
    assert main(["key", name]) == 0
    assert capsys.readouterr() == (f"{key}\n", "")


def test_takes_the_secret_from_another_variable(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For hosts that name theirs otherwise."""
    environment.setenv("SITE_SECRET", VECTOR[0])
    assert main(["key", "polls", "--secret-env", "SITE_SECRET"]) == 0
    assert capsys.readouterr().out.strip() == VECTOR[2]


@pytest.mark.parametrize("secret", [f'"{NEW}"', f'["{OLD}", "{NEW}"]'])
def test_takes_the_secret_from_the_host_s_file(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, secret: str
) -> None:
    """The newest one, which signs."""
    path = tmp_path / "plugit.toml"
    path.write_text(f'secret_key = {secret}\n[[services]]\nname = "polls"\nurl = "http://127.0.0.1:5000"\n')
    assert main(["key", "polls", "--config", str(path)]) == 0
    printed = parse_service_keys(capsys.readouterr().out)
    assert printed.keys == service_keys(load_secrets(NEW), "polls").keys


def test_prints_the_keys_for_all_secrets(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In the host's order, as the service's setting takes them; out of a file or of several variables."""
    path = tmp_path / "plugit.toml"
    path.write_text(f'secret_key = ["{NEW}", "{OLD}"]\n')
    assert main(["key", "polls", "--all", "--config", str(path)]) == 0
    environment.setenv("NEXT", NEW)
    environment.setenv("PLUGIT_SECRET_KEY", OLD)
    variables = ["--secret-env", "NEXT", "--secret-env", "PLUGIT_SECRET_KEY"]
    assert main(["key", "polls", "--all", *variables]) == 0
    from_file, from_environment = capsys.readouterr().out.splitlines()
    assert from_file == from_environment
    expected = service_keys(load_secrets([NEW, OLD]), "polls")
    assert load_config({"PI_SERVICE_KEY": from_file}).keys == expected
    assert main(["key", "polls", *variables]) == 0
    assert parse_service_keys(capsys.readouterr().out).keys == expected.keys[-1:]
    assert main(["key", "polls", "--all"]) == 0
    assert parse_service_keys(capsys.readouterr().out).keys == expected.keys[-1:]


def test_a_variant_has_a_key_of_its_own(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Named as in its contexts; a file that lists services must list it."""
    path = tmp_path / "plugit.toml"
    services = '[[services]]\nname = "polls"\nurl = "http://127.0.0.1:1"\n'
    variants = '[[services.variants]]\nname = "next"\nurl = "http://127.0.0.1:2"\n'
    path.write_text(f'secret_key = "{NEW}"\n{services}{variants}')
    assert main(["key", "polls@next", "--config", str(path)]) == 0
    printed = parse_service_keys(capsys.readouterr().out)
    assert printed.keys == service_keys(load_secrets(NEW), "polls@next").keys
    for name in ("polls@red", "polls@", "@next", "polls@next@next"):
        assert main(["key", name, "--config", str(path)]) == 2
        assert capsys.readouterr().err.startswith("plugit-wsgi key: ")


def test_each_service_has_a_key_of_its_own(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """None speaks for another."""
    environment.setenv("PLUGIT_SECRET_KEY", NEW)
    for name in ("polls", "notes", "polls2"):
        assert main(["key", name]) == 0
    assert len(set(capsys.readouterr().out.split())) == 3


@pytest.mark.parametrize(
    ("arguments", "secret", "sentence"),
    [
        (["polls"], None, "PLUGIT_SECRET_KEY: got None, expected the host's secret"),
        (["polls"], "", "PLUGIT_SECRET_KEY: got ''"),
        (["polls"], "short", "expected text of at least 32 bytes"),
        (["Polls"], NEW, "Service.name: got 'Polls'"),
        (["../x"], NEW, "Service.name: got '../x'"),
        (["polls", "--secret-env", "NOWHERE"], NEW, "NOWHERE: got None"),
        (["polls", "--config", "nowhere.toml"], NEW, "expected a TOML file that can be read"),
        (["polls", NEW], NEW, "unrecognized arguments"),
        (["polls", "--config", "a.toml", "--secret-env", "B"], NEW, "not allowed with"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    secret: str | None,
    sentence: str,
) -> None:
    """One line on stderr, exit code 2, nothing that could be taken for a key."""
    if secret is not None:
        environment.setenv("PLUGIT_SECRET_KEY", secret)
    assert main(["key", *arguments]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("threads = 3", "secret_key: got None"),
        ("secret_key = 3", "secret_key: got '<int>', expected"),
        ("secret_key = [3]", "secret_key[0]: got '<int>'"),
        ("secret_key = []", "secret_key: got"),
        ("secret = 'x'", "expected a key that exists; did you mean 'secret_key'?"),
        (
            f"secret_key = '{NEW}'\n[[services]]\nname = 'notes'\nurl = 'http://127.0.0.1'",
            "NAME: got 'polls', expected one of the services of",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_a_sentence(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    text: str,
    sentence: str,
) -> None:
    """A key for a service that the host does not mount would be good for nothing."""
    path = tmp_path / "plugit.toml"
    path.write_text(text)
    assert main(["key", "polls", "--config", str(path)]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert (out, err.count("\n")) == ("", 1)


def test_a_secret_never_shows(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even one that is refused."""
    environment.setenv("PLUGIT_SECRET_KEY", "too-short-to-be-one")
    main(["key", "polls"])
    assert "too-short-to-be-one" not in capsys.readouterr().err


def test_prints_the_key_of_the_api(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the host's API takes; not together with all keys of the service."""
    secret, name, key = VECTOR
    environment.setenv("PLUGIT_SECRET_KEY", secret)
    assert main(["key", name, "--api"]) == 0
    assert capsys.readouterr().out.split() == list(api_keys(parse_service_keys(key)))
    assert main(["key", name, "--api", "--all"]) == 2
