"""The voting service, run by its command, behind the original Django proxy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.interop.processes import Process
from tests.interop.visitor import Visitor
from tests.support.servers import ROOT, run_command

#: What the installed command `plugit-wsgi` does, in this very interpreter.
COMMAND = "import sys; from plugit_wsgi.cli import main; sys.exit(main())"


def test_the_voting_service_behind_the_original_proxy(
    original_proxy: Callable[..., Process], tmp_path: Path
) -> None:
    """Run by its command; a member creates a poll, a user votes, an administrator sees who did."""
    command = [sys.executable, "-c", COMMAND, "serve", str(ROOT / "examples" / "polls"), "--port", "0"]
    database = {"POLLS_DATABASE": str(tmp_path / "polls.sqlite3")}
    with run_command(command, ready="Serving ", env=database) as service:
        visitor = Visitor(original_proxy(service.url).url, "/plugIt")
        assert visitor.get("/create/").status == 403

        visitor.become("mem")
        fields = [("title", "Käse?"), ("responses", "Ja\nNein")]
        picture = [("illustration", "käse.png", "image/png", b"\x89PNG\r\n\x1a\n")]
        created = visitor.upload(
            "/create/", [("csrfmiddlewaretoken", visitor.token("/create/")), *fields], picture
        )
        assert created.status == 302
        poll = (created.header("Location") or "").removeprefix(visitor.origin + visitor.mount)
        page = visitor.get(poll)
        assert "<h1>Käse?</h1>" in page.text
        assert "Your poll is open" in page.text
        number = poll.rpartition("/")[2]
        assert visitor.get(f"/illustration/{number}").body == picture[0][3]

        visitor.become("log")
        token = [("csrfmiddlewaretoken", visitor.token(poll))]
        assert visitor.post(f"/vote/{number}/1", token).status == 302
        assert "your vote is counted" in visitor.get(poll).text
        assert visitor.get(f"/voters/{number}").status == 403
        assert "(Logged Hector)" in visitor.become("adm").get(f"/voters/{number}").text
