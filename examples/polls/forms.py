"""What people send us, looked at before it is believed. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from store import Draft, Illustration

TITLE_LENGTH = 120
DESCRIPTION_LENGTH = 1000
RESPONSE_LENGTH = 80
FEWEST_RESPONSES, MOST_RESPONSES = 2, 10
ILLUSTRATION_SIZE = 512 * 1024

# What a picture begins with. The first bytes decide, because a file name, or the type that the browser
# sends along, says what the sender likes. SVG is not here: it can carry scripts.
SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)

# Everything that XML can not carry, because polls are shown in a feed too (XML 1.0, production 2).
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class PollForm:
    """The form for a new poll: what was typed, tidied, and what is wrong with it (field to sentence)."""

    draft: Draft
    errors: Mapping[str, str]

    @property
    def typed(self) -> dict[str, str]:
        """What to show in the form again."""
        return {
            "title": self.draft.title,
            "description": self.draft.description,
            "responses": "\n".join(self.draft.responses),
        }


def read_poll(form: Mapping[str, str], upload: BinaryIO | None) -> PollForm:
    """Check a posted form; `upload` is None if no file was chosen."""
    illustration, complaint = _illustration(upload)
    draft = Draft(
        title=tidy(form.get("title", "")),
        description=tidy(form.get("description", "")),
        responses=[line for line in map(tidy, form.get("responses", "").splitlines()) if line],
        illustration=illustration,
    )
    errors = {
        "title": _complain_about_text(draft.title, TITLE_LENGTH, required=True),
        "description": _complain_about_text(draft.description, DESCRIPTION_LENGTH),
        "responses": _complain_about_responses(draft.responses),
        "illustration": complaint,
    }
    return PollForm(draft, {field: sentence for field, sentence in errors.items() if sentence})


def tidy(text: str) -> str:
    """One line, without control characters and without blanks around or in heaps."""
    return " ".join(_UNPRINTABLE.sub("", text).split())


def _complain_about_text(text: str, most: int, *, required: bool = False) -> str:
    if required and not text:
        return "Please write something here."
    if len(text) > most:
        return f"Please use at most {most} characters; these are {len(text)}."
    return ""


def _complain_about_responses(responses: list[str]) -> str:
    if len(responses) < FEWEST_RESPONSES:
        return "Please give at least two responses, each on a line of its own."
    if len(responses) > MOST_RESPONSES:
        return f"Please give at most {MOST_RESPONSES} responses; these are {len(responses)}."
    if len({each.casefold() for each in responses}) < len(responses):
        return "Each response must be different from the others."
    if any(len(each) > RESPONSE_LENGTH for each in responses):
        return f"Please use at most {RESPONSE_LENGTH} characters for a response."
    return ""


def _illustration(upload: BinaryIO | None) -> tuple[Illustration | None, str]:
    if upload is None:
        return None, ""
    content = upload.read(ILLUSTRATION_SIZE + 1)  # never more than we would keep
    if len(content) > ILLUSTRATION_SIZE:
        return None, f"This file is too large: a picture may have {ILLUSTRATION_SIZE // 1024} KB."
    for signature, mimetype in SIGNATURES:
        if signature.match(content):
            return Illustration(mimetype, content), ""
    return None, "This is not a picture that we can show: please choose a PNG, JPEG, GIF or WebP file."
