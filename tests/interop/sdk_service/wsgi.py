"""The service of this folder for any WSGI server."""

from __future__ import annotations

from pathlib import Path

from plugit_wsgi.sdk import load_service

application = load_service(Path(__file__).parent)
