"""One table of purposes: whatever is derived for one is nothing for another, and none stands elsewhere."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

import plugit_wsgi
from plugit_wsgi.wire.keys import KeyRing, Purpose, api_keys, decode, load_secrets, service_keys

PACKAGE = Path(plugit_wsgi.__file__).parent
SECRETS = ("a secret of the tests, long enough.", "a secret of the tests, long enough..")
SERVICES = ("polls", "poll", "polls@b", "notes", "session", "csrf", "api", "context", "visitor", "s")


def spellings(purpose: Purpose) -> list[str]:
    """What is derived for a purpose: for each service, or as it is."""
    return [purpose.of(name) for name in SERVICES] if purpose.value.endswith("/") else [purpose.value]


def derived() -> Iterator[tuple[str, bytes]]:
    """(where from, key): the secrets, what is derived from each, and everything derived from that."""
    labels = [label for purpose in Purpose for label in spellings(purpose)]
    for secret in SECRETS:
        ring = load_secrets(secret)
        yield secret, ring.keys[0]
        for label in labels:
            yield f"{secret} {label}", ring.derived(label).keys[0]
        for first, second in itertools.product(labels, labels):
            yield f"{secret} {first} {second}", ring.derived(first).derived(second).keys[0]


def test_purposes_stay_as_they_are() -> None:
    """Other languages derive the service's; one of the host's that changes ends every session and token."""
    hosts = (
        "service/ session visitor csrf cookie mail preview redis-cache redis-session redis-session-id demo"
        " fragment"
    )
    others = "context api session/ csrf/ cookie/ visitor login mark preview-link preview-cookie"
    expected = [*(f"plugit-wsgi/{name}" for name in hosts.split()), *others.split()]
    assert [purpose.value for purpose in Purpose] == expected


def test_no_two_keys_are_equal() -> None:
    """Purposes x services x secrets, and what is derived from those, each with each."""
    found = list(derived())
    assert len(found) > 3000
    assert len({key for _where, key in found}) == len(found)


def test_purposes_are_no_beginnings_of_each_other() -> None:
    """Else a service's name could complete one to another."""
    for one, other in itertools.permutations(Purpose, 2):
        assert not (one.value.endswith("/") and other.value.startswith(one.value)), (one, other)


def test_a_service_gets_a_key_and_what_follows_from_it() -> None:
    """Its context and API keys; the host's own purposes begin at the secret, apart from it."""
    secrets = load_secrets(SECRETS[0])
    service = service_keys(secrets, "polls")
    assert service.keys == secrets.derived(Purpose.SERVICE.of("polls")).keys
    assert decode(api_keys(service)[0]) == service.derived(Purpose.API).keys[0]
    reachable = {service.derived(label).keys for purpose in Purpose for label in spellings(purpose)}
    hosts = [purpose for purpose in Purpose if purpose.value.startswith("plugit-wsgi/")]
    assert reachable.isdisjoint({secrets.derived(label).keys for p in hosts for label in spellings(p)})


#: Functions that take a purpose: the position it has, and how many positional arguments there are then.
TAKES_PURPOSE = {
    "derived": (0, 1),
    "derive": (1, 2),
    "sign": (1, 2),
    "verify": (1, 2),
    "load_cookie": (3, 4),
    "Seal": (1, 2),
}
#: Calls of another function of that name: verify(token, keys) of `wire.context`.
OTHERS = {("sdk/proof.py", "verify")}


def purposes_of(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(function, argument) of all calls that name a purpose."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            place, count = TAKES_PURPOSE.get(name, (0, 0))
            if count and len(node.args) == count:
                yield name, node.args[place]


def is_of_the_table(argument: ast.expr) -> bool:
    """``Purpose.X``, ``Purpose.X.of(...)``, or a parameter that was one."""
    if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute):
        argument = argument.func.value
    if isinstance(argument, ast.Attribute):
        argument = argument.value
        return isinstance(argument, ast.Name) and argument.id == "Purpose"
    return isinstance(argument, ast.Name) and argument.id == "purpose"


def literal_purposes(source: str, name: str) -> list[str]:
    tree = ast.parse(source)
    found = [
        ast.unparse(argument)
        for function, argument in purposes_of(tree)
        if not is_of_the_table(argument) and (name, function) not in OTHERS
    ]
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return found + [text for text in texts if isinstance(text, str) and text.startswith("plugit-wsgi/")]


def test_no_literal_purpose_stands_elsewhere() -> None:
    """All modules but the table's own."""
    found = {
        name: literals
        for path in PACKAGE.rglob("*.py")
        if (name := path.relative_to(PACKAGE).as_posix()) != "wire/keys.py"
        and (literals := literal_purposes(path.read_text(encoding="utf-8"), name))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        'secrets.derived("x")',
        'secrets.derived("plugit-wsgi/" + x)',
        "secrets.derived(LABEL)",
        'keys.sign(content, "x/" + service)',
        'keys.verify(token, f"x/{service}")',
        'load_cookie(request, name, keys, "x")',
        'Seal(secret, "x")',
        'LABEL = "plugit-wsgi/x"',
    ],
)
def test_a_literal_purpose_would_be_seen(source: str) -> None:
    """The test above can fail."""
    assert literal_purposes(source, "some.py")


@pytest.mark.parametrize(
    "source", ["keys.derived(Purpose.X)", "keys.sign(x, Purpose.X.of(s))", "derive(k, purpose)"]
)
def test_the_table_is_not_blamed(source: str) -> None:
    assert not literal_purposes(source, "some.py")


def test_the_newest_key_alone() -> None:
    """What signs, without what only verifies."""
    old, both = load_secrets(SECRETS[0]), load_secrets(SECRETS)
    assert both.newest == KeyRing(both.keys[1:])
    assert old.newest == old
