"""The service of these tests: LIVE_NAME and LIVE_KEY as its host knows it, LIVE_FILES to be downloaded."""

from __future__ import annotations

import os
from pathlib import Path

import actions

from plugit_wsgi.sdk import ServiceApp

application = ServiceApp(
    actions, key=os.environ["LIVE_KEY"] or None, name=os.environ["LIVE_NAME"], folder=Path(__file__).parent
)
