# -*- coding: utf-8 -*-
"""Serves this folder's actions with the genuine plugit: ``server.py CALLS_FILE``.

Prints ``Serving http://127.0.0.1:PORT/`` when it listens.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.chdir(HERE)  # plugit reads templates/ and media/ of the working directory
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "original_common"))

import plugit  # noqa: E402
import actions  # noqa: E402
import recorder  # noqa: E402

if __name__ == "__main__":
    plugit.load_actions(actions)
    recorder.serve(plugit.app, sys.argv[1])
