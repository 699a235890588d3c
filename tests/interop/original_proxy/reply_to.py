# -*- coding: utf-8 -*-
"""Prints the reply addresses that the genuine ``plugit_proxy`` writes, one for each key given as argument.

From the environment: ``MAIL_SECRET_KEY`` and ``MAIL_SECRET_HASH``.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
os.environ.setdefault("PLUGIT_SERVER", "http://127.0.0.1:1")

import django  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core import mail  # noqa: E402

django.setup()
settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
settings.EBUIO_MAIL_SECRET_KEY = os.environ["MAIL_SECRET_KEY"]
settings.EBUIO_MAIL_SECRET_HASH = os.environ["MAIL_SECRET_HASH"]

from plugit_proxy.views import generic_send_mail  # noqa: E402

for key in sys.argv[1:]:
    mail.outbox = []
    generic_send_mail("a@example.org", ["b@example.org"], "s", "m", key)
    print(mail.outbox[0].extra_headers["Reply-To"])
