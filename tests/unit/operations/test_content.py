"""The markup of the operations page."""

from __future__ import annotations

from typing import Any

import pytest

from plugit_wsgi.operations.content import SHOWN_CALLS, ServiceState, Use, content_of
from plugit_wsgi.operations.records import Record, Seen


def state(**more: Any) -> ServiceState:
    return ServiceState(
        **{
            "name": "polls",
            "url": "http://127.0.0.1:5000",
            "mode": "actions",
            "mount": "/s/polls/",
            "state": "closed",
            "open_calls": (),
            "calls": Use(taken=1, count=4),
            "streams": Use(taken=0, count=2),
            "record": Record(pages=12, errors=3, refused=2),
            **more,
        }
    )


def content(*states: ServiceState) -> str:
    return str(content_of(states, process=4711, since=0, now=90061))


def test_what_it_says() -> None:
    """Of each service, and that it speaks of one process."""
    found = content(state())
    for text in (
        "process 4711",
        "at 1970-01-02 01:01:01 UTC",
        "since 1970-01-01 00:00:00 UTC",
        "Other\nprocesses",
        'href="/s/polls/"',
        "http://127.0.0.1:5000",
        "1 of 4 places",
        "0 of 2 places",
        "pages: 12; errors among them (500 and above): 3; refused without a call: 2",
        "No fault since then.",
    ):
        assert text in found


def test_no_service() -> None:
    """There may be none."""
    assert "No service is mounted." in content()


@pytest.mark.parametrize(
    ("named", "badge"),
    [
        ({}, "answers"),
        ({"open_calls": ["/a"]}, "some calls rest"),
        ({"state": "open", "open_calls": ["/a"]}, "is not asked"),
        ({"state": "probing"}, "is tried"),
    ],
)
def test_the_state_in_a_word(named: dict[str, Any], badge: str) -> None:
    """Of the service, or of some of its calls."""
    assert f">{badge}</span>" in content(state(**named))


def test_texts_of_others_are_escaped() -> None:
    """Whatever a service says, or a visitor asks for."""
    evil = '<script>alert("1")</script>{url}'
    fault = Seen(at=0, kind=evil, action=evil, cause=evil, request_id=evil)
    found = content(state(url=evil, open_calls=[evil], record=Record(faults=(fault,))))
    assert "<script" not in found
    assert found.count("&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;{url}") == 6


def test_many_open_calls_are_counted() -> None:
    """The paths are the visitors' to invent: some are named."""
    found = content(state(open_calls=[f"/{number}" for number in range(SHOWN_CALLS + 5)]))
    assert f"<code>/{SHOWN_CALLS - 1}</code> and 5 more" in found
    assert f"<code>/{SHOWN_CALLS}</code>" not in found
