"""Settings of the voting service. The SDK reads the names that start with PI_, the rest is our own."""

import os
from pathlib import Path

# Who may call this service: the host that shows it, and nobody else. Visitors never come here themselves.
PI_ALLOWED_NETWORKS = (os.environ.get("POLLS_NETWORKS") or "127.0.0.0/8 ::1/128").split()

# The SQLite file. It is made, with a few polls in it, when the first visitor comes.
_DATA = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
POLLS_DATABASE = os.environ.get("POLLS_DATABASE") or str(_DATA / "plugit-wsgi" / "polls.sqlite3")
