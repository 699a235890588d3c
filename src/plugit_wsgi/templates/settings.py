"""Django's settings, which its engine asks for dates, numbers and plural forms.

1. Where a host is a Django site, or says where its settings are, those rule and nothing here touches them.
2. Else the least is set, at the first template that is compiled and never at import: a host may still
   configure Django after it imported this library.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils import translation

_LEAST: dict[str, Any] = {
    # No catalogues, no time zones: a template prints what the service sent, in no language of the host's.
    "USE_I18N": False,
    "USE_TZ": False,
}


def ensure_settings() -> None:
    """Configures Django unless somebody has. Thread-safe."""
    if settings.configured or os.environ.get("DJANGO_SETTINGS_MODULE"):
        return
    try:
        settings.configure(**_LEAST)
    except RuntimeError:
        if not settings.configured:
            raise
        # Another thread was quicker.


def in_host_language() -> AbstractContextManager[Any]:
    """The language of the host's settings while a template renders.

    Not the one a thread happens to have active: what was rendered may be kept and shown to others.
    """
    if not settings.USE_I18N or not apps.ready:
        return nullcontext()
    override: AbstractContextManager[Any] = translation.override(settings.LANGUAGE_CODE)
    return override
