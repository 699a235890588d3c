"""Settings of the portal. Whatever differs from place to place comes from the environment: see the README."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from portal import environment

HERE = Path(__file__).resolve().parent
THREADS = 8  # of the server, for one process; the middleware shares them out between the services
PORT = int(os.environ.get("PORT", "4000"))
SITE_URL = os.environ.get("SITE_URL", "")
MAIL_URL = os.environ.get("PLUGIT_MAIL_URL", "")
HOST = urlsplit(SITE_URL).hostname or "localhost"
MAIL_SENDER = os.environ.get("SITE_MAIL") or f"Django Radio <radio@{HOST}>"
DATABASE_URL = os.environ.get("DATABASE_URL", "")
SERVICES = os.environ.get("PLUGIT_SERVICES") or "polls=http://127.0.0.1:5000 notes=http://127.0.0.1:5001;orga"

SECRET_KEY = os.environ.get("PLUGIT_SECRET_KEY", "")
# The example people; without a password there are none.
EXAMPLE_PASSWORD = os.environ.get("SITE_PASSWORD", "")
DEVELOPMENT, DEVELOPMENT_PASSWORD = not SECRET_KEY, "radio"
if DEVELOPMENT:
    SECRET_KEY = "for development only, everybody knows this key"
    EXAMPLE_PASSWORD = EXAMPLE_PASSWORD or DEVELOPMENT_PASSWORD
    print("WARNING: PLUGIT_SECRET_KEY is not set: everybody can forge sessions of this site", file=sys.stderr)

# -- Django --------------------------------------------------------------------------------------------------

DJANGO = "django.contrib"
ALLOWED_HOSTS = [HOST, "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = [SITE_URL.rstrip("/")] if SITE_URL else []
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_URL.startswith("https:")
ROOT_URLCONF = "portal.urls"
INSTALLED_APPS = [
    "portal",
    *(
        f"{DJANGO}.{name}"
        for name in ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
    ),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    f"{DJANGO}.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    f"{DJANGO}.auth.middleware.AuthenticationMiddleware",
    f"{DJANGO}.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                f"{DJANGO}.auth.context_processors.auth",
                f"{DJANGO}.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": environment.database(
        DATABASE_URL, Path(os.environ.get("SITE_DATABASE") or HERE.parent / "site.sqlite3")
    )
}
OUT_OF_THE_BOX = not DATABASE_URL  # then the portal makes its tables itself when it starts
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{DJANGO}.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
USE_TZ = True
TIME_ZONE = os.environ.get("SITE_TIME_ZONE", "UTC")
STATIC_URL = "static/"
STATIC_ROOT = HERE.parent / "collected"  # for a server in front, by `manage.py collectstatic`
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
# Without this, Django tells errors to nobody once DEBUG is off.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "ERROR"}},
}

# -- The services --------------------------------------------------------------------------------------------

PLUGIT = {
    "services": list(environment.services(SERVICES)),
    "directory": "portal.directory.directory",
    "layout": "service.html",
    "billing_url": "/billing",
    "threads": THREADS,
    **({"mail": "portal.mail.mailer"} if MAIL_URL else {}),
}
