# -*- coding: utf-8 -*-
"""The least Django 1.8 project in which the genuine ``plugit_proxy`` runs stand-alone.

From the environment: ``PLUGIT_SERVER`` (URL of the service), and "1" for yes:
``PLUGIT_PROXYMODE``, ``PLUGIT_ORGAMODE``.
"""

import os

HERE = os.path.dirname(os.path.abspath(__file__))

DEBUG = False
ALLOWED_HOSTS = ["*"]
SECRET_KEY = "not a secret, the tests only"
ROOT_URLCONF = "urls"
USE_TZ = True
USE_I18N = False
MEDIA_URL = "/media/"
STATIC_URL = "/static/"

INSTALLED_APPS = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "plugit_proxy")
MIDDLEWARE_CLASSES = (
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
)
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [os.path.join(HERE, "templates")],
    "OPTIONS": {"context_processors": ["django.core.context_processors.csrf"]},
}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
FILE_UPLOAD_HANDLERS = ("django.core.files.uploadhandler.TemporaryFileUploadHandler",)

PIAPI_STANDALONE = True
PIAPI_STANDALONE_URI = os.environ["PLUGIT_SERVER"].rstrip("/")
PIAPI_BASEURI = "/plugIt/"
PIAPI_USERDATA = [
    "pk",
    "id",
    "username",
    "first_name",
    "last_name",
    "email",
    "ebuio_member",
    "ebuio_admin",
    "ebuio_orga_member",
    "ebuio_orga_admin",
    "subscription_labels",
]
if os.environ.get("PLUGIT_PROXYMODE") == "1":
    # Fields become headers there, and requests since 2.11 refuses a header value that is no string (None is fine).
    PIAPI_USERDATA = ["pk", "username", "first_name", "last_name", "email"]
PIAPI_ORGAMODE = os.environ.get("PLUGIT_ORGAMODE") == "1"
PIAPI_PROXYMODE = os.environ.get("PLUGIT_PROXYMODE") == "1"
PIAPI_REALUSERS = False
PIAPI_PLUGITMENUACTION = "menubar"
PIAPI_PLUGITTEMPLATE = "plugItBase.html"
HONOR_X_FORWARDED_FOR = False
MAIL_SENDER = "no-reply@plugit.example"
EBUIO_MAIL_SECRET_KEY = ""
EBUIO_MAIL_SECRET_HASH = ""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "WARNING"}},
}
