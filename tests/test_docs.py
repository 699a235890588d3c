"""The manual and the code say the same.

1. Every command and option, every setting is told; no option is told that does not exist.
2. Python and TOML blocks are at least Python and TOML; links and pictures lead somewhere.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
import textwrap
import urllib.parse
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

import plugit_wsgi
from plugit_wsgi.config import Limits, Service, Stores, Variant

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = (
    "index",
    "getting-started",
    "write-a-service",
    "templates",
    "configuration",
    "directory",
    "layouts",
    "deployment",
    "protocol",
    "observability",
    "architecture",
    "cli",
    "security",
    "verify",
    "urls",
)
TEXTS = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]
IDS = [str(path.relative_to(ROOT)) for path in TEXTS]

FENCE = re.compile(r"^(?P<indent> *)(`{3,})(?P<kind>[a-z{]*)[^\n]*\n(?P<code>.*?)^ *\2", re.M | re.S)
LINK = re.compile(r"!?\[[^\]]*\]\(<?(?P<target>[^)\s>]+)>?(?: \"[^\"]*\")?\)")
COMMAND = re.compile(r"^ {2,4}([a-z]+)(?: {2,}|$)", re.M)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
HEADING = re.compile(r"^#+ +(.+?) *#*$", re.M)
MYST_TARGET = re.compile(r"^\(([\w-]+)\)=$", re.M)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """(where, code) of the fenced blocks of a language in all texts."""
    for path, name in zip(TEXTS, IDS, strict=True):
        text = read(path)
        for found in FENCE.finditer(text):
            if found["kind"] == kind:
                line = text[: found.start()].count("\n") + 1
                yield f"{name}:{line}", textwrap.dedent(found["code"])


@lru_cache
def run_help(*command: str) -> str:
    """What `plugit-wsgi COMMAND --help` prints."""
    program = [sys.executable, "-c", "import sys; from plugit_wsgi.cli import main; sys.exit(main())"]
    done = subprocess.run([*program, *command, "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands() -> list[str]:
    """The commands that the program itself lists."""
    return COMMAND.findall(run_help())


def anchors(path: Path) -> set[str]:
    """What a link may name in a text: headings as GitHub and MyST spell them, and MyST's own targets."""
    text = FENCE.sub("", read(path))
    spelled = (
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)
    )
    return {*spelled, *MYST_TARGET.findall(text)}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_there_and_begins_with_a_title(page: str) -> None:
    """The manual is whole."""
    path = DOCS / f"{page}.md"
    assert path.is_file()
    assert HEADING.search(read(path))


def test_every_command_and_option_is_told() -> None:
    """docs/cli.md names each command the program lists, and each of its options."""
    text = read(DOCS / "cli.md")
    assert commands(), run_help()
    for command in commands():
        assert f"plugit-wsgi {command}" in text, command
        options = set(OPTION.findall(run_help(command))) - {"--help"}
        assert {option for option in options if not re.search(rf"{option}(?![\w-])", text)} == set(), command


def test_no_option_is_told_that_does_not_exist() -> None:
    """A reader who types what the manual says gets no usage error."""
    known = set(OPTION.findall(run_help())).union(*(OPTION.findall(run_help(name)) for name in commands()))
    assert set(OPTION.findall(read(DOCS / "cli.md"))) - known - {"--help"} == set()


@pytest.mark.parametrize("settings", [Limits, Service, Stores, Variant])
def test_every_field_is_told_in_the_configuration_page(settings: type) -> None:
    """Every field of Limits, Service, Stores and Variant stands there, as `name` or in a call as name=."""
    text = read(DOCS / "configuration.md")
    names = [field.name for field in dataclasses.fields(settings)]
    assert [name for name in names if f"`{name}`" not in text and f"{name}=" not in text] == []


def test_every_argument_of_the_middleware_is_told_in_the_configuration_page() -> None:
    """The same for what PlugItMiddleware takes."""
    text = read(DOCS / "configuration.md")
    names = [name for name in inspect.signature(plugit_wsgi.PlugItMiddleware).parameters if name != "self"]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_python_blocks_compile() -> None:
    """What is shown can be copied."""
    found = list(blocks("python"))
    assert found
    for where, code in found:
        compile(code, where, "exec")


def test_toml_blocks_are_toml() -> None:
    """What is shown can be copied."""
    for where, code in blocks("toml"):
        try:
            tomllib.loads(code)
        except tomllib.TOMLDecodeError as error:
            pytest.fail(f"{where}: {error}", pytrace=False)


@pytest.mark.parametrize("path", TEXTS, ids=IDS)
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    """Every link that is not to another site names a file that is there, and a heading in it."""
    broken = [
        target
        for target in LINK.findall(FENCE.sub("", read(path)))
        if not urllib.parse.urlsplit(target).scheme and not leads_somewhere(path, target)
    ]
    assert broken == []


def leads_somewhere(path: Path, target: str) -> bool:
    name, _, anchor = urllib.parse.unquote(target).partition("#")
    aim = (path.parent / name).resolve() if name else path
    if not aim.exists() or not aim.is_relative_to(ROOT):
        return False
    return not anchor or (aim.suffix == ".md" and anchor in anchors(aim))
