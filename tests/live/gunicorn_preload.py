"""Settings of gunicorn: the host is loaded before the workers are forked. LIVE_WORKERS says how many."""

from __future__ import annotations

import os
from typing import Any

bind = "127.0.0.1:0"
worker_class = "gthread"
workers = int(os.environ["LIVE_WORKERS"])
threads = 32 // workers
preload_app = True
loglevel = "error"


def when_ready(server: Any) -> None:
    """Prints where it answers."""
    print(f"Serving http://127.0.0.1:{server.LISTENERS[0].getsockname()[1]}", flush=True)
