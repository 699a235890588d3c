"""RedisCache: the contract on a real server, what it keeps, what it refuses to believe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from markupsafe import Markup
from tests.support.redis_server import RedisClock, RedisServer

from plugit_wsgi.cache.kept import Kept
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.page import Fragment
from plugit_wsgi.redis import RedisCache
from plugit_wsgi.redis.cache import CLOCKS_DIFFER, LARGEST, service_of
from plugit_wsgi.redis.codec import KINDS, Codec, plain
from plugit_wsgi.testing import cache_contract
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.wire.meta import ActionMeta
from plugit_wsgi.wire.result import Data, SessionWrites

pytestmark = pytest.mark.usefixtures("unhurried")
SECRET = "a secret of the tests, long enough."
OTHER = "some other secret of the tests, long"
KEY = ("page", "polls", "/a")
META = ActionMeta.from_mapping(
    {
        "template_tag": "t1",
        "only_member_user": True,
        "cache_time": 2.5,
        "cache_by_user": False,
        "user_info": ["email"],
        "address_in_networks": ["192.0.2.0/24", "2001:db8::/32"],
    }
)
RAW = '{"a": [1, 2.5, null, "ü"], "b": {"c": "\\ud83d\\ude00"}}'.encode()
DATA = Data(
    status=200,
    headers=(("ETag", '"1"'), ("X", "\xe9")),
    value={"a": [1, 2.5, None, "ü"], "b": {"c": "\N{GRINNING FACE}"}},
    raw=RAW,
)
FRAGMENT = Fragment(title="<b>", head=Markup("<link>"), menu=Markup(""), content=Markup("<p>ü \ud800</p>"))


@pytest.fixture
def clock(redis_server: RedisServer) -> RedisClock:
    return RedisClock(redis_server)


@pytest.fixture
def cache(redis_server: RedisServer, clock: RedisClock) -> Iterator[RedisCache]:
    cache = RedisCache(redis_server.url, SECRET, clock=clock)
    yield cache
    cache.close()


def other_machine(server: RedisServer, clock: FakeClock, secret: Any = SECRET) -> RedisCache:
    return RedisCache(server.url, secret, clock=clock)


class TestContract(cache_contract.CacheContract):
    """The contract, with the one class of values that it brings."""

    @pytest.fixture
    def clock(self, redis_server: RedisServer) -> FakeClock:
        self._server = redis_server
        return RedisClock(redis_server)

    def make_cache(self, clock: FakeClock) -> RedisCache:
        cache = RedisCache(self._server.url, SECRET, clock=clock)
        cache._codec = Codec((*KINDS, plain(cache_contract.Kept)))
        return cache


@pytest.mark.parametrize("value", [META, DATA, FRAGMENT, ActionMeta()])
def test_what_the_library_keeps_comes_back_on_another_machine(
    cache: RedisCache, redis_server: RedisServer, value: object
) -> None:
    """Equal, of the same class, and markup is still markup."""
    cache.set(KEY, value, 60, 100)
    found = other_machine(redis_server, FakeClock()).get(KEY)
    assert found == value
    assert type(found) is type(value)
    if isinstance(found, Fragment):
        assert isinstance(found.content, Markup)
        assert type(found.title) is str


@pytest.mark.parametrize("value", [META, DATA])
def test_freshness_is_told_in_the_readers_time(
    cache: RedisCache, redis_server: RedisServer, clock: RedisClock, value: object
) -> None:
    """Monotonic clocks of two machines have nothing in common; wall clocks may be half a minute apart."""
    cache.set(KEY, Kept(value=value, fresh_until=clock.monotonic() + 10), 60, 100)
    clock.advance(4)
    for ahead in (-30, 0, 30):
        reader = FakeClock(clock.time() + ahead)
        reader._monotonic = 77.0
        found = other_machine(redis_server, reader).get(KEY)
        assert found is not None
        assert found.value == value
        assert found.fresh_until == pytest.approx(77 + 6, abs=0.5)


def test_values_are_json_behind_their_proof(cache: RedisCache, redis_server: RedisServer) -> None:
    """No pickle; names of keys tell nothing of visitors."""
    cache.set(("page", "polls", "/secret-path", ("user", "7")), FRAGMENT, 60, 100)
    names = redis_server.client.keys("*")
    values = [redis_server.client.get(name) for name in names]
    assert len(names) == 2
    assert not any(b"secret" in name or b"polls" in name for name in names)
    (entry,) = [value for value in values if len(value) > 64]
    assert entry[64:].startswith(b'{"at":')


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1: 2},
        {"a": {3}},
        float("nan"),
        Data(value={}, raw=b"{}", writes=SessionWrites(stored=(("a", "b"),))),
        Data(value={}, raw=b"\xff\xfe{\x00}\x00"),
        type("str2", (str,), {})("x"),
    ],
)
def test_what_is_no_json_is_not_kept(cache: RedisCache, value: object) -> None:
    """And what was there before is gone: it was to be replaced."""
    cache.set(KEY, "old", 60, 100)
    cache.set(KEY, value, 60, 100)
    assert cache.get(KEY) is None


def test_the_largest_entry(cache: RedisCache) -> None:
    """A bound of one entry, as `size` says; the bound of all is Redis's own."""
    cache.set(KEY, "x", 60, LARGEST)
    assert cache.get(KEY) == "x"
    cache.set(KEY, "x", 60, LARGEST + 1)
    assert cache.get(KEY) is None


def entries(server: RedisServer) -> dict[bytes, bytes]:
    return {name: server.client.get(name) for name in server.client.keys("*") if b":generation:" not in name}


GARBAGE = (
    b"",
    b"x",
    b"\x80\x04]\x94.",
    b"{}",
    b"null",
    b"0" * 64,
    b"0" * 64 + b'{"at":0,"for":60,"generation":"","value":1}',
    b"\xff" * 5000,
    b"[" * 100_000,
)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_in_every_key_is_a_miss(cache: RedisCache, redis_server: RedisServer, garbage: bytes) -> None:
    """Also in those of the generations; the next answer is kept again."""
    cache.set(KEY, META, 60, 100)
    for name in redis_server.client.keys("*"):
        redis_server.client.set(name, garbage, px=50_000)
    assert cache.get(KEY) is None
    cache.set(KEY, META, 60, 100)
    assert cache.get(KEY) in (META, None)
    cache.forget("polls")
    assert cache.get(KEY) is None
    cache.set(KEY, META, 60, 100)
    assert cache.get(KEY) == META


def test_another_type_in_every_key_is_a_miss(cache: RedisCache, redis_server: RedisServer) -> None:
    """Redis refuses to read it as text; `forget` sets it right."""
    cache.set(KEY, META, 60, 100)
    for name in redis_server.client.keys("*"):
        redis_server.client.delete(name)
        redis_server.client.rpush(name, "x")
    assert cache.get(KEY) is None
    cache.set(KEY, META, 60, 100)
    assert cache.get(KEY) is None
    assert cache.forget("polls")
    cache.set(KEY, META, 60, 100)
    assert cache.get(KEY) == META


def test_an_entry_under_another_key_is_nothing(cache: RedisCache, redis_server: RedisServer) -> None:
    """Whoever can write into Redis cannot give one visitor another's page, or an action another's rules."""
    cache.set(("page", "polls", "/a", ("user", "7")), "of seven", 60, 100)
    cache.set(("page", "polls", "/a", ("user", "8")), "of eight", 60, 100)
    (first, one), (second, two) = entries(redis_server).items()
    redis_server.client.set(first, two, px=50_000)
    redis_server.client.set(second, one, px=50_000)
    assert cache.get(("page", "polls", "/a", ("user", "7"))) is None
    assert cache.get(("page", "polls", "/a", ("user", "8"))) is None


def test_an_entry_changed_in_one_byte_is_nothing(cache: RedisCache, redis_server: RedisServer) -> None:
    """At any place: rules cannot be taken out of a meta."""
    cache.set(KEY, META, 60, 100)
    ((name, sealed),) = entries(redis_server).items()
    for place in range(0, len(sealed), 7):
        changed = bytearray(sealed)
        changed[place] ^= 1
        redis_server.client.set(name, bytes(changed), px=50_000)
        assert cache.get(KEY) is None, place


def test_of_another_secret_nothing_is_believed(
    cache: RedisCache, redis_server: RedisServer, clock: RedisClock
) -> None:
    """Secrets rotate as those of the middleware: all verify, the newest signs."""
    cache.set(KEY, META, 60, 100)
    assert other_machine(redis_server, clock, OTHER).get(KEY) is None
    rotating = other_machine(redis_server, clock, [SECRET, OTHER])
    assert rotating.get(KEY) == META
    rotating.set(KEY, META, 60, 100)
    assert cache.get(KEY) is None
    assert other_machine(redis_server, clock, OTHER).get(KEY) == META


def test_namespaces_are_apart(cache: RedisCache, redis_server: RedisServer) -> None:
    """Two hosts with the same secret and service names at one Redis."""
    cache.set(KEY, "ours", 60, 100)
    other = RedisCache(redis_server.url, SECRET, namespace="other")
    assert other.get(KEY) is None
    other.set(KEY, "theirs", 60, 100)
    assert (cache.get(KEY), other.get(KEY)) == ("ours", "theirs")
    other.forget("polls")
    assert (cache.get(KEY), other.get(KEY)) == ("ours", None)
    other.close()


def test_nobody_else_makes_an_entry_live_longer(
    cache: RedisCache, redis_server: RedisServer, clock: RedisClock
) -> None:
    """An old rule is not kept alive by who may write into Redis: not for ever, not anew."""
    cache.set(KEY, META, 60, 100)
    ((name, sealed),) = entries(redis_server).items()
    redis_server.client.persist(name)
    assert cache.get(KEY) is None
    redis_server.client.set(name, sealed, px=90_000)
    assert cache.get(KEY) is None
    clock.advance(59)
    redis_server.client.set(name, sealed, px=59_000)
    assert cache.get(KEY) == META
    clock.advance(CLOCKS_DIFFER + 2)
    redis_server.client.set(name, sealed, px=59_000)
    assert cache.get(KEY) is None


def test_forget_is_for_one_service_on_all_machines(
    cache: RedisCache, redis_server: RedisServer, clock: RedisClock
) -> None:
    """Meta, pages and fragments."""
    other = other_machine(redis_server, clock)
    keys = (KEY, ("meta", "polls", "/a"), ("fragment", KEY))
    for key in (*keys, ("page", "poll", "/a"), ("page", "notes", "/a")):
        cache.set(key, "kept", 60, 100)
    assert other.forget("polls")
    assert [cache.get(key) for key in keys] == [None] * 3
    assert cache.get(("page", "poll", "/a")) == cache.get(("page", "notes", "/a")) == "kept"
    cache.set(KEY, "new", 60, 100)
    assert other.get(KEY) == "new"


def test_what_was_asked_before_forget_is_not_stored_after_it(
    cache: RedisCache, redis_server: RedisServer, clock: RedisClock
) -> None:
    """It is what the service said before."""
    cache.set(KEY, "first", 5, 100)
    clock.advance(6)
    assert cache.get(KEY) is None  # the service is asked now, and takes its time
    other_machine(redis_server, clock).forget("polls")
    cache.set(KEY, "old", 60, 100)
    assert cache.get(KEY) is None
    cache.set(KEY, "new", 60, 100)
    assert cache.get(KEY) == "new"


def test_a_generation_that_redis_dropped_brings_nothing_back(
    cache: RedisCache, redis_server: RedisServer
) -> None:
    """Redis makes room by dropping any key; what was forgotten stays so."""
    cache.set(KEY, "forgotten", 60, 100)
    cache.forget("polls")
    (name,) = [name for name in redis_server.client.keys("*") if b":generation:" in name]
    redis_server.client.delete(name)
    assert cache.get(KEY) is None
    cache.set(KEY, "new", 60, 100)
    assert cache.get(KEY) == "new"


@pytest.mark.parametrize(
    ("key", "service"),
    [
        (KEY, "polls"),
        (("fragment", KEY), "polls"),
        (("fragment", ("fragment", KEY)), "polls"),
        (("page",), ""),
        ((), ""),
    ],
)
def test_the_service_of_a_key(key: tuple[Any, ...], service: str) -> None:
    """Its second part, also of a key in a key."""
    assert service_of(key) == service


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1",
        "127.0.0.1:6379",
        "redis://:pass@host:port/",
        "redis://h/0?nonsense=1",
        "redis://h?db=x",
        None,
    ],
)
def test_a_url_that_is_none_is_refused_at_construction(url: Any) -> None:
    """By name, and without the password."""
    with pytest.raises(ConfigError, match="url") as caught:
        RedisCache(url, SECRET)
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize("secret", ["", "short", None])
def test_a_secret_that_is_none_is_refused_at_construction(secret: Any) -> None:
    """As of the middleware."""
    with pytest.raises(ConfigError, match="secret_key"):
        RedisCache("redis://h/0", secret)
