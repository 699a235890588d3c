"""The service of these tests; LIVE_NAME and LIVE_KEY are its name and key at the host, LIVE_FILES a folder."""

from __future__ import annotations

import os
from pathlib import Path

import actions

from plugit_wsgi.sdk import ServiceApp

application = ServiceApp(
    actions, key=os.environ["LIVE_KEY"], name=os.environ["LIVE_NAME"], folder=Path(__file__).parent
)
