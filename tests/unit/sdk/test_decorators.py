"""Decorators: what meta tells the host, in any order, without anything shared."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from tests.unit.sdk.support import answering, call, service

from plugit_wsgi import sdk
from plugit_wsgi.errors import ConfigError

META = [
    (sdk.only_logged_user(), {"only_logged_user": True}),
    (sdk.only_member_user(), {"only_member_user": True}),
    (sdk.only_admin_user(), {"only_admin_user": True}),
    (sdk.only_orga_member_user(), {"only_orga_member_user": True}),
    (sdk.only_orga_admin_user(), {"only_orga_admin_user": True}),
    (sdk.only_subscription("gold", "silver"), {"only_subscription": ["gold", "silver"]}),
    (sdk.cache(time=42), {"cache_time": 42}),
    (sdk.cache(time=42, byUser=True), {"cache_time": 42, "cache_by_user": True}),
    (sdk.cache(42, False), {"cache_time": 42, "cache_by_user": False}),
    (sdk.user_info(props=["pk", "username"]), {"user_info": ["pk", "username"]}),
    (sdk.public(), {"public": True}),
    (sdk.json_only(), {"json_only": True}),
    (sdk.xml_only(), {"xml_only": True}),
    (sdk.no_template(), {"no_template": True}),
    (sdk.fallback("away.html"), {"fallback": "away.html"}),
    (
        sdk.address_in_networks(["10.0.0.0/8", "fd00::/8"]),
        {"address_in_networks": ["10.0.0.0/8", "fd00::/8"]},
    ),
    (sdk.send_etag(), {}),
    (sdk.crossdomain("*"), {}),
]


ANNOUNCED = {"X-Plugit-Protocol": "1; ext=fallback,only_subscription,template_language"}
"""By a host that knows all rules."""


@pytest.mark.parametrize(("decorator", "told"), META, ids=lambda value: str(value)[:40])
def test_meta_tells_what_a_decorator_says(decorator, told):
    """Every rule reaches the host under its name in the protocol, and nothing else does."""
    meta = service(answering({}, decorator)).get("/meta/", headers=ANNOUNCED).json
    assert meta == {"template_tag": "", **told}


def test_order_of_decorators_does_not_matter():
    """The marks say the same in every order, the `action` mark included."""
    marks = (
        lambda: sdk.action("/x", methods=["POST"]),
        sdk.only_member_user,
        lambda: sdk.cache(5),
        lambda: sdk.crossdomain("*"),
        sdk.send_etag,
    )
    told = []
    for order in itertools.permutations(marks):

        def answer(request):
            return {}

        for mark in order:
            answer = mark()(answer)
        client = service(answer)
        told.append((client.get("/meta/x").json, dict(client.options("/action/x").headers)))
    assert all(one == told[0] for one in told)
    assert told[0][0] == {"template_tag": "", "only_member_user": True, "cache_time": 5}


def test_decorated_function_is_the_function():
    """A function with every mark is called as before, also by other actions."""

    def add(request, number=1):
        return {"sum": number + 1}

    decorated = add
    for decorator, _ in META:
        decorated = decorator(decorated)
    decorated = sdk.action("/add")(decorated)
    assert decorated is add
    assert decorated(None, number=2) == {"sum": 3}


def test_nothing_is_shared_between_actions():
    """The original's default list of methods was one for all: OPTIONS of one leaked to the others."""
    methods = ["GET"]

    @sdk.crossdomain("*")
    @sdk.action("/shared", methods=methods)
    def shared(request):
        return {}

    @sdk.action("/plain", methods=methods)
    def plain(request):
        return {}

    client = service(shared, plain)
    assert methods == ["GET"]
    assert "Access-Control-Allow-Origin" in client.options("/action/shared").headers
    assert "Access-Control-Allow-Origin" not in client.options("/action/plain").headers
    assert client.post("/action/plain").status_code == 405


def test_marks_without_action_are_no_action():
    """A function without a route is not to be called from outside."""

    @sdk.only_logged_user()
    def helper(request):
        return {}

    assert service(helper).get("/action/helper").status_code == 404


CORS = [
    ({"origin": "*"}, {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Max-Age": "21600"}),
    ({"origin": "https://a.example"}, {"Access-Control-Allow-Origin": "https://a.example"}),
    ({"origin": "*", "methods": ["put", "GET"]}, {"Access-Control-Allow-Methods": "GET, PUT"}),
    ({"origin": "*", "headers": ["x-one", "X-Two"]}, {"Access-Control-Allow-Headers": "X-ONE, X-TWO"}),
    ({"origin": "*", "headers": "X-One"}, {"Access-Control-Allow-Headers": "X-One"}),
    ({"origin": "*", "max_age": timedelta(minutes=2)}, {"Access-Control-Max-Age": "120"}),
    ({"origin": "*", "max_age": 7}, {"Access-Control-Max-Age": "7"}),
]


@pytest.mark.parametrize(("options", "expected"), CORS)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_crossdomain_answers_actions_and_preflights(options, expected, method):
    """The CORS headers are on the answer and on the pre-flight."""
    function = answering({}, sdk.crossdomain(**options), methods=("GET", "POST"))
    answer = call(function, method=method)
    assert answer.status_code == 200
    assert {name: answer.headers.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.example", "https://a.example"),
        ("https://b.example", "https://b.example"),
        ("https://c", None),
    ],
)
def test_of_several_origins_the_visitors_own_is_answered(origin, allowed):
    """A browser takes one origin only; the original sent all of them in a row, which none takes."""
    function = answering({}, sdk.crossdomain(["https://a.example", "https://b.example"]))
    answer = call(function, headers={"X-Plugit-Origin": origin})
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    assert answer.headers["Vary"] == "Origin"


def test_options_calls_no_action():
    """A pre-flight must not do what the action does."""
    calls = []

    @sdk.crossdomain("*")
    @sdk.action("/", methods=["POST", "OPTIONS"])
    def act(request):
        calls.append(1)
        return {}

    assert call(act, method="OPTIONS").json == {}
    assert calls == []


REFUSED = [
    (lambda: sdk.action("show"), "action(route)"),
    (lambda: sdk.action(lambda request: {}), "action(route)"),
    (lambda: sdk.action("/", methods="POST"), "action(methods)"),
    (lambda: sdk.action("/", methods=[]), "action(methods)"),
    (lambda: sdk.action("/", methods=["GET POST"]), "action(methods)"),
    (lambda: sdk.cache(-1), "cache(time)"),
    (lambda: sdk.cache("60"), "cache(time)"),
    (lambda: sdk.cache(True), "cache(time)"),
    (lambda: sdk.user_info("pk"), "user_info(props)"),
    (lambda: sdk.user_info([1]), "user_info(props)"),
    (lambda: sdk.address_in_networks("10.0.0.0/8"), "address_in_networks(networks)"),
    (lambda: sdk.address_in_networks(["10.0.0.0/99"]), "address_in_networks(networks)"),
    (lambda: sdk.crossdomain([]), "crossdomain(origin)"),
    (lambda: sdk.crossdomain("*", methods=["G E T"]), "crossdomain(methods)"),
]


@pytest.mark.parametrize(("make", "field"), REFUSED)
def test_nonsense_dies_while_the_module_is_imported(make, field):
    """What cannot be meant is refused by name, before the service runs."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.field == field


@pytest.mark.parametrize("labels", [(), ("",), ("gold", ""), (1,), (["gold"],), (None,)])
def test_a_subscription_has_labels(labels):
    """Without one, everybody or nobody might be meant."""
    with pytest.raises(ConfigError, match="only_subscription"):
        sdk.only_subscription(*labels)


def test_two_marks_of_subscriptions_are_refused():
    """One would silently take the place of the other, by the order they are written in."""
    marked = sdk.only_subscription("gold")(lambda request: {})
    with pytest.raises(ConfigError, match="one such mark"):
        sdk.only_subscription("silver")(marked)
