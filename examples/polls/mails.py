"""The results of a poll as a mail, and what people answer to it."""

from __future__ import annotations

import itertools

import config
from store import Poll

from plugit_wsgi.errors import PlugItError
from plugit_wsgi.sdk import PlugItAPI

ANSWER_LENGTH = 1000

API = PlugItAPI(config.POLLS_API, key=config.PI_SERVICE_KEY) if config.POLLS_API else None


def send_results(poll: Poll, *, username: str, address: str) -> bool:
    """Send a poll's results to somebody. False if the host sends no mail, or cannot be asked."""
    if API is None or not address:
        return False
    lines = [f"{each.votes:5}  {each.share:3} %  {each.text}" for each in poll.responses]
    text = "\n".join([poll.title, "", *lines, "", "Answer this mail to comment on the poll."])
    try:
        # With a response_id, an answer to the mail comes to our mail callback, and this with it.
        return bool(
            API.send_mail(
                config.POLLS_SENDER,
                f"Results: {poll.title}",
                [address],
                text,
                response_id=f"{poll.id}:{username}",
            )
        )
    except PlugItError:
        return False


def read_answer(message: str) -> str:
    """What somebody wrote, without the mail that their mail program quotes below it."""
    lines = message.splitlines()
    own = list(itertools.takewhile(lambda line: not line.startswith(">"), lines))
    while own and not own[-1].strip():
        own.pop()
    if len(own) < len(lines) and own and own[-1].endswith(":"):
        own.pop()  # "On Monday, polls@example.org wrote:"
    return "\n".join(own).strip()[:ANSWER_LENGTH]
