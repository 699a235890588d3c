"""Settings of the notes. The SDK reads the names that start with PI_, the rest is our own."""

import os
from pathlib import Path

# Who may call this service: the host that shows it, and nobody else. Visitors never come here themselves.
PI_ALLOWED_NETWORKS = (os.environ.get("NOTES_NETWORKS") or "127.0.0.0/8 ::1/128").split()

# The SQLite file. It is made when the first visitor comes.
_DATA = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
NOTES_DATABASE = os.environ.get("NOTES_DATABASE") or str(_DATA / "plugit-wsgi" / "notes.sqlite3")
