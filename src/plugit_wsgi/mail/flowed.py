"""``format=flowed``: paragraphs that a mail client broke into lines, made whole again (RFC 3676)."""

from __future__ import annotations


def unflowed(text: str, *, delete_space: bool = False) -> str:
    """Text whose soft line breaks are taken back; quoted lines keep their marks.

    Args:
        text: lines end with LF.
        delete_space: the blank before a soft break is no part of the text (``delsp=yes``).
    """
    lines: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")  # stuffed, so that it is neither quoted nor "From "
        is_signature = content == "-- "
        if depth == open_depth and not is_signature:
            lines[-1] += content
        else:
            lines.append(f"{'>' * depth} {content}" if depth else content)
        open_depth = depth if content.endswith(" ") and not is_signature else -1
        if open_depth >= 0 and delete_space:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)
