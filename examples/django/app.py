"""A portal: a Django project that manages people, organizations and subscriptions, with services in it.

Run it: python examples/django/app.py
"""

from __future__ import annotations

import os

from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections

from plugit_wsgi.frameworks.django import plugit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
site = get_wsgi_application()
if settings.OUT_OF_THE_BOX:
    call_command("prepare")
    connections.close_all()  # a server may fork now, and SQLite's connections stay in their process
application = plugit(site)

if __name__ == "__main__":
    from waitress import serve

    print(f"Serving http://127.0.0.1:{settings.PORT}/", flush=True)
    serve(application, listen=f"127.0.0.1:{settings.PORT}", threads=settings.THREADS)
