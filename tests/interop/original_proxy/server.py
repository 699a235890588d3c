# -*- coding: utf-8 -*-
"""Serves the genuine Django proxy; see ``settings.py`` for what it takes from the environment.

Prints ``Serving http://127.0.0.1:PORT/`` when it listens.
"""

import os
import sys

from django.core.wsgi import get_wsgi_application

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "original_common"))
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"

import recorder  # noqa: E402

if __name__ == "__main__":
    recorder.serve(get_wsgi_application(), sys.argv[1])
