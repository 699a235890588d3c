"""Settings of the voting service. The SDK reads the names that start with PI_, the rest is our own."""

import os
from pathlib import Path

# Who may call this service: the host that shows it, and nobody else. Visitors never come here themselves.
PI_ALLOWED_NETWORKS = (os.environ.get("POLLS_NETWORKS") or "127.0.0.0/8 ::1/128").split()

# One switch, two languages: the same templates are in both, and the host is told which one it gets.
PI_TEMPLATE_LANGUAGE = os.environ.get("POLLS_TEMPLATE_LANGUAGE") or "django"
PI_TEMPLATES = "templates-jinja" if PI_TEMPLATE_LANGUAGE == "jinja" else "templates"

# The host's API, which sends our mails. Of `plugit-wsgi dev`: http://127.0.0.1:4000/s/app/ebuio_api/
POLLS_API = os.environ.get("POLLS_API", "")
POLLS_SENDER = os.environ.get("POLLS_SENDER") or "polls@example.org"

# The key of this service at its host, or a file with it: others see a command line, a file they need not.
PI_SERVICE_KEY = os.environ.get("PLUGIT_SERVICE_KEY")
if os.environ.get("POLLS_KEY_FILE"):
    PI_SERVICE_KEY = Path(os.environ["POLLS_KEY_FILE"]).read_text("ascii").strip()

# The SQLite file. It is made, with a few polls in it, when the first visitor comes.
_DATA = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
POLLS_DATABASE = os.environ.get("POLLS_DATABASE") or str(_DATA / "plugit-wsgi" / "polls.sqlite3")
