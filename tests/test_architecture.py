"""The plan of the house, held: who may import whom, and what an import may do.

1. Imports point one way, along ORDER. Rooms of one step are siblings and do not know each other.
2. The SDK knows `wire` and `errors` only; host and SDK never import each other; tools may use both.
3. A third-party library has one importing module per side.
4. No cycles, and no import inside a function, which would hide one.
5. Importing the package opens, starts and configures nothing.
6. The files of the project speak of the project alone.
"""

from __future__ import annotations

import graphlib
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.imports import Import, read_imports, read_package, room_of
from tests.support.require import require

ROOT = Path(__file__).resolve().parents[1]
MODULES = read_package(ROOT / "src")
IMPORTS = read_imports(MODULES)

#: The host side, from the ground up. A room imports from steps below its own.
ORDER = (
    {"errors"},
    {"wire", "clock"},
    {"http", "events", "people"},
    {"page", "disguise"},
    {"interfaces"},
    {"deployments"},
    {"config", "database"},
    {
        "breaker",
        "flight",
        "setbacks",
        "mounts",
        "access",
        "csrf",
        "session",
        "host_sessions",
        "guard",
        "spare",
        "turns",
        "transport",
        "cache",
        "templates",
        "layout",
        "directory",
        "body",
        "answers",
        "targets",
        "head_links",
        "head_parts",
        "body_head",
        "partials",
        "media_types",
        "dispositions",
        "lifetimes",
        "observers",
    },
    {"cookies", "answer_headers"},
    {"key_doubts", "circuits", "visits", "hostapi", "redis"},
    {"exchanges", "tokens"},
    {"metas", "service_templates", "asked", "answer_cookies"},
    {"client"},
    {"outgoing", "framing", "rendering"},
    {"finishing", "sandbox", "pieces"},
    {"pipeline", "refusals"},
    {"mounted", "loading", "operations", "mail"},
    {"fragments", "migrations", "variants"},
    {"assembly"},
    {"mounting"},
    {"watching"},
    {"middleware"},
    {"__init__"},
    {"frameworks"},
)
STEP = {room: step for step, rooms in enumerate(ORDER) for room in rooms}

#: What the other side and the tools on top may import.
SDK_MAY = {"sdk", "wire", "errors"}
TOOLS = {"cli", "testing"}
ROOMS = STEP.keys() | TOOLS | {"sdk"}

#: Rooms, and modules in rooms of others, that need the extra `sql`; nobody else imports these.
SQL = {"database", "directory", "mail", "migrations"}
SQL_MODULES = (
    *("plugit_wsgi.database", "plugit_wsgi.migrations", "plugit_wsgi.directory.sql"),
    *("plugit_wsgi.directory.tables", "plugit_wsgi.directory.lookup", "plugit_wsgi.directory.change"),
    *("plugit_wsgi.mail.sql", "plugit_wsgi.mail.tables"),
)

#: (side, library) of libraries that more than one module of a side imports: in which rooms, and why.
SHARED_LIBRARIES = {
    ("host", "webob"): (STEP.keys(), "its request is what the public callables of a host are given"),
    ("host", "markupsafe"): (STEP.keys(), "its Markup is the type of HTML that crosses a room"),
    ("testing", "webob"): ({"testing"}, "its request is what the public callables of a host are given"),
    ("host", "django"): (
        {"templates", "frameworks"},
        "its engine, closed up; and hosts that are made with it",
    ),
    ("host", "jinja2"): ({"templates"}, "its grammar, whose nodes are read where code is written for them"),
    ("testing", "pytest"): ({"testing"}, "a contract suite is a class of pytest"),
    ("host", "cachetools"): ({"cache", "directory"}, "pages by their size, look-ups by their number"),
    ("host", "sqlalchemy"): (SQL, "tables and queries stand where they are used; the extra sql brings it"),
    ("host", "alembic"): (SQL, "it runs modules of its own kind; the extra sql brings it"),
    ("sdk", "werkzeug"): ({"sdk"}, "the SDK is written on it and hands its request to the authors"),
}

#: (importing module, imported) of imports inside functions, and why each has to be there.
LAZY: dict[tuple[str, str], str] = {}

#: Modules that import by a name they compute, which this test cannot see, and why.
BY_NAME = {
    "plugit_wsgi.cli.db": "the extra sql is there for hosts that keep people in a database only",
    "plugit_wsgi.loading": "a transport, an engine is imported when chosen: importing the library is cheap",
    "plugit_wsgi.sdk.folder": "the actions of a service folder are the author's, not ours",
}

#: Not loaded by `import plugit_wsgi`: a host that mounts nothing yet, or a service, does not pay for them.
HEAVY = ("django", "requests", "urllib3", "pycurl", "sqlite3", "asyncio", "sqlalchemy", "alembic", "jinja2")

#: Only a module that makes keys signs and verifies.
SIGNER = "plugit_wsgi.wire.keys"

#: Texts that tell of a workplace and not of the project. Put together here, so that this file has none.
FOREIGN = tuple(
    "".join(parts)
    for parts in (
        ("/wo", "rk/"),
        ("/tmp/", "work"),
        ("/tmp/", "orig"),
        ("shared/", "design"),
        ("shared/", "protocol"),
        ("shared/", "promises"),
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("registry.", "npmjs"),
        ("deb.", "debian.org"),
    )
)


def side_of(module: str) -> str:
    room = room_of(module)
    return room if room in TOOLS or room == "sdk" else "host"


def is_allowed(imp: Import) -> bool:
    """Rules 1 and 2, for one import of a module of ours."""
    importer, imported = room_of(imp.importer), room_of(imp.imported)
    if importer in TOOLS:
        return imported == importer or imported not in TOOLS or importer == "cli"
    if importer == "sdk":
        return imported in SDK_MAY
    return importer == imported or STEP[imported] < STEP[importer] if imported in STEP else False


def test_every_module_lives_in_a_known_room() -> None:
    """A new room gets its place in ORDER before it gets a file."""
    assert {room_of(module) for module in MODULES} - ROOMS == set()


@pytest.mark.parametrize("room", sorted({room_of(module) for module in MODULES} & ROOMS))
def test_imports_point_one_way(room: str) -> None:
    """Rules 1 and 2: only from below, no sibling, and the SDK stays with wire and errors."""
    wrong = [imp for imp in IMPORTS if imp.is_ours and room_of(imp.importer) == room and not is_allowed(imp)]
    assert not wrong, "\n".join(sorted({str(imp) for imp in wrong}))


def test_errors_import_nothing() -> None:
    """The error tree can be imported from everywhere."""
    assert [str(imp) for imp in IMPORTS if imp.importer == "plugit_wsgi.errors" and imp.is_ours] == []


def test_a_library_has_one_importing_module_per_side() -> None:
    """Rule 3: an incompatible release is mended in one place."""
    importers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for imp in IMPORTS:
        if imp.library:
            importers[side_of(imp.importer), imp.library].add(imp.importer)
    shared = {key: modules for key, modules in importers.items() if len(modules) > 1}
    wrong = {
        key: sorted(modules)
        for key, modules in shared.items()
        if not {room_of(module) for module in modules} <= set(SHARED_LIBRARIES.get(key, ((), ""))[0])
    }
    assert wrong == {}


def test_the_extra_sql_is_imported_where_it_is_named() -> None:
    """Whoever does not use a database does not need its libraries, nor pays for them."""
    wrong = [
        str(imp)
        for imp in IMPORTS
        if not imp.importer.startswith(SQL_MODULES)
        and (imp.library in ("sqlalchemy", "alembic") or imp.imported.startswith(SQL_MODULES))
    ]
    assert wrong == []


def test_only_the_key_room_signs() -> None:
    """itsdangerous has dangerous defaults; one module knows them."""
    assert {imp.importer for imp in IMPORTS if imp.library == "itsdangerous"} <= {SIGNER}


def test_there_is_no_import_cycle() -> None:
    """Rule 4, by module: also not inside a room."""
    graph: dict[str, set[str]] = defaultdict(set)
    for imp in IMPORTS:
        if imp.is_ours and imp.imported != imp.importer:
            graph[imp.importer].add(imp.imported)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]), pytrace=False)


def test_no_import_hides_inside_a_function() -> None:
    """Rule 4: the exceptions are in LAZY, each with its reason."""
    hidden = {str(imp) for imp in IMPORTS if imp.lazy and (imp.importer, imp.imported) not in LAZY}
    assert hidden == set()


def test_imports_by_computed_names_are_told() -> None:
    """Rule 4: importlib is no way around it."""
    ways = ("import_module(", "__import__(", "exec_module(", "run_path(")
    texts = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    importers = {name for name, text in texts.items() if any(way in text for way in ways)}
    assert importers == BY_NAME.keys()


def test_every_exception_is_still_needed() -> None:
    """A table of exceptions shrinks with the code."""
    lazy = {(imp.importer, imp.imported) for imp in IMPORTS if imp.lazy}
    assert LAZY.keys() - lazy == set()


WATCH_IMPORT = """
import json, sys
events = []
watched = {"socket.__new__", "_thread.start_new_thread", "_thread.start_joinable_thread", "os.fork",
           "subprocess.Popen", "sqlite3.connect", "tempfile.mkstemp", "tempfile.mkdtemp"}
sys.addaudithook(lambda name, args: events.append(name) if name in watched else None)
import plugit_wsgi
print(json.dumps({"events": events, "modules": sorted(sys.modules)}))
"""


def test_importing_the_package_does_nothing() -> None:
    """Rule 5: a host may fork after import; no socket, thread, process is made, nothing heavy loaded."""
    command = [sys.executable, "-W", "ignore", "-c", WATCH_IMPORT]
    seen = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert seen["events"] == []
    assert [name for name in seen["modules"] if name.split(".")[0] in HEAVY] == []


def test_the_files_speak_of_the_project_alone() -> None:
    """Rule 6: no path of somebody's machine, no address of a registry."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    require(listed.returncode == 0, "git, in a checkout of the project")
    texts = {
        name: (ROOT / name).read_text(encoding="utf-8", errors="ignore")
        for name in listed.stdout.split("\0")
        if name and (ROOT / name).is_file()
    }
    found = sorted((name, word) for name, text in texts.items() for word in FOREIGN if word in text)
    assert found == []
