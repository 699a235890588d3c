"""The genuine ``plugit`` 0.3.12 and this project, talking to each other over real sockets.

Folders named ``original_*`` are Python 2.7 and run as processes of their own in the environment that
``environment.py`` makes; nothing in them is imported by the tests.
"""
