"""A service as a folder: its own modules, and sentences for what is wrong with it."""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest
from tests.unit.sdk.support import Browser

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.sdk import load_service

ACTIONS = """
    from plugit_wsgi.sdk import action
    import config
    import store

    @action("/", template="home.html")
    def home(request):
        return {"store": store.WHO, "debug": config.DEBUG}

    @action("/late")
    def late(request):
        import NAME_late
        return {"late": NAME_late.VALUE}
"""


@pytest.fixture(autouse=True)
def _clean_imports():
    """A test leaves the process as it found it."""
    path, modules = list(sys.path), dict(sys.modules)
    yield
    sys.path[:] = path
    sys.modules.clear()
    sys.modules.update(modules)


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text), encoding="utf-8")
    return folder


@pytest.fixture
def make(tmp_path):
    """Makes a service's folder with this name."""

    def build(name):
        folder = write(
            tmp_path / name,
            actions=ACTIONS.replace("NAME", name),
            config=f"DEBUG = True\nPI_API_NAME = {name!r}",
            store=f"WHO = {name!r}",
            **{f"{name}_late": f"VALUE = {name!r}"},
        )
        (folder / "templates").mkdir()
        (folder / "templates" / "home.html").write_text(name)
        (folder / "media").mkdir()
        (folder / "media" / "a.txt").write_text(name)
        return folder

    return build


def test_everything_of_a_folder_is_served(make, tmp_path, monkeypatch):
    """Actions, settings, templates, media; wherever the process was started."""
    monkeypatch.chdir(tmp_path)
    make("one")
    client = Browser(load_service("one"))
    monkeypatch.chdir("/")
    assert client.get("/action/").json == {"store": "one", "debug": True}
    assert client.get("/version").json["protocol"] == "one"
    assert client.get("/template/").data == b"one"
    assert client.get("/media/a.txt").data == b"one"
    assert client.get("/meta/").headers["Cache-Control"] == "public, max-age=0"


def test_two_services_in_one_process_keep_their_modules_apart(make):
    """Both have a ``config`` and a ``store``; each gets its own, also in imports made later."""
    clients = {name: Browser(load_service(make(name))) for name in ("one", "two")}
    for name, client in clients.items():
        assert client.get("/action/").json["store"] == name
        assert client.get("/action/late").json == {"late": name}


def test_modules_of_the_process_stay(make):
    """A host that has a ``config`` of its own still has it."""
    own = sys.modules["config"] = type(sys)("config")
    assert Browser(load_service(make("one"))).get("/action/").json["store"] == "one"
    assert sys.modules["config"] is own


def test_file_named_like_a_module_of_python_replaces_nothing(make):
    """``json.py`` in a folder is bad luck, not an end of the process."""
    import json

    write(make("one"), json="raise RuntimeError")
    load_service(make("two"))
    assert sys.modules["json"] is json


def test_mail_callback_of_the_module(tmp_path):
    """A function of this name gets the replies to mails."""
    folder = write(
        tmp_path / "s",
        actions="""
            from plugit_wsgi.sdk import action
            @action("/")
            def home(request):
                return {}
            def mail_callback(request):
                return {"result": "Ok", "id": request.form["response_id"]}
        """,
    )
    answer = Browser(load_service(folder)).post("/mail", data={"response_id": "7", "message": "x"})
    assert answer.json == {"result": "Ok", "id": "7"}


ACTION = 'from plugit_wsgi.sdk import action\n@action("/")\ndef home(request):\n    return {}\n'
BROKEN = {
    "syntax": ({"actions": ACTION + "def broken(:\n"}, ["actions.py, line 5", "valid Python"]),
    "import": (
        {"actions": "import no_such_module\n"},
        ["actions.py, line 1", "ModuleNotFoundError: No module named 'no_such_module'"],
    ),
    "sibling": (
        {"actions": "import store\n" + ACTION, "store": "x = 1\nx / 0\n"},
        ["store.py, line 2", "ZeroDivisionError"],
    ),
    "exit": ({"actions": "raise SystemExit(3)\n"}, ["actions.py, line 1", "SystemExit"]),
    "config": ({"actions": ACTION, "config": "DEBUG = \n"}, ["config.py, line 1", "valid Python"]),
    "setting": (
        {"actions": ACTION, "config": 'PI_ALLOWED_NETWORKS = "10.0.0.0/8"\n'},
        ["PI_ALLOWED_NETWORKS", "a list of networks"],
    ),
    "no action": (
        {"actions": "def home(request):\n    return {}\n"},
        ["actions.py", "a function with @action"],
    ),
    "mark": ({"actions": ACTION.replace('"/"', '"x"')}, ["actions.py, line 2", "a leading slash"]),
    "no actions.py": ({"other": ""}, ["service folder", "an actions.py in it"]),
}


@pytest.mark.parametrize(("files", "parts"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_folder_is_told_with_its_place(files, parts, tmp_path):
    """One sentence with the file, the line and what was expected."""
    with pytest.raises(ConfigError) as caught:
        load_service(write(tmp_path / "s", **files))
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["none", "file"])
def test_what_is_no_folder(name, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"a folder with an actions\.py"):
        load_service(tmp_path / name)


def test_failed_load_leaves_no_module_behind(tmp_path):
    """A second try imports afresh."""
    folder = write(tmp_path / "s", actions="import store\nimport no_such_module\n", store="X = 1")
    before = list(sys.path)
    with pytest.raises(ConfigError):
        load_service(folder)
    assert sys.path[0] == before[0]
    write(folder, actions=ACTION)
    assert Browser(load_service(folder)).get("/action/").json == {}
