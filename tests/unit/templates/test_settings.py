"""Who configures Django: the host, and only where there is none, we. Each case in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RENDER = """
from tests.unit.templates.rendering import content
print(content("{{ x }} {{ f }} {{ n|yesno }} {{ s|filesizeformat }}", x=1234567, f=1.5, n=True, s=2048))
"""


def run(program: str, **environment: str) -> str:
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:'cgi':DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().replace("\xa0", " ")


def test_import_configures_nothing() -> None:
    """A host may configure Django after it imported us, and after it made an engine."""
    program = """
import os
from django.conf import settings
from plugit_wsgi.templates.django import DjangoTemplates
DjangoTemplates()
print(settings.configured, 'DJANGO_SETTINGS_MODULE' in os.environ)
settings.configure(USE_I18N=True)
"""
    assert run(program) == "False False"


def test_without_django_the_least_is_configured() -> None:
    """At the first template: no catalogues, no time zones, no application set up, TZ left alone."""
    program = (
        RENDER
        + """
import os
from django.apps import apps
from django.conf import settings
print(settings.configured, settings.USE_I18N, settings.USE_TZ, apps.ready, os.environ['TZ'])
"""
    )
    assert run(program, TZ="Europe/Zurich").splitlines() == [
        "1234567 1.5 yes 2.0 KB",
        "True False False False Europe/Zurich",
    ]


def test_settings_of_a_configured_host_rule() -> None:
    """Its language gives the words and formats of filters; plain numbers stay as the service sent them."""
    program = """
import django
from django.conf import settings
settings.configure(LANGUAGE_CODE='de', USE_I18N=True, USE_TZ=True, TIME_ZONE='Europe/Zurich', SECRET_KEY='x')
django.setup()
"""
    assert run(program + RENDER + "print(settings.SECRET_KEY)").splitlines() == ["1234567 1.5 Ja 2,0 KB", "x"]


def test_settings_module_of_a_host_rules(tmp_path: Path) -> None:
    """A host that names its settings module is not configured by us, though nothing read it yet."""
    (tmp_path / "host_settings.py").write_text("USE_I18N = False\nSECRET_KEY = 'of the host'\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})" + RENDER
    program += "from django.conf import settings; print(settings.SECRET_KEY)"
    assert run(program, DJANGO_SETTINGS_MODULE="host_settings").splitlines()[1] == "of the host"


def test_active_language_of_a_thread_does_not_count() -> None:
    """What is rendered may be kept for others: the settings' language, not the last visitor's."""
    program = """
import django
from django.conf import settings
settings.configure(LANGUAGE_CODE='en', USE_I18N=True)
django.setup()
from django.utils import translation
translation.activate('fr')
"""
    after = "print(translation.get_language())"
    assert run(program + RENDER + after).splitlines() == ["1234567 1.5 yes 2.0 KB", "fr"]


@pytest.mark.parametrize("use_i18n", [True, False])
def test_host_that_is_not_set_up_yet(use_i18n: bool) -> None:
    """Variables print also before `django.setup`."""
    program = f"""
from django.conf import settings
settings.configure(USE_I18N={use_i18n})
from tests.unit.templates.rendering import content
print(content("{{{{ x }}}} {{{{ w|upper }}}}", x=1, w="w"))
"""
    assert run(program) == "1 W"


def test_first_templates_of_many_threads() -> None:
    """Threads that compile the first template at once do not trip over the settings."""
    program = """
import threading
from plugit_wsgi.templates.django import DjangoTemplates
engine, gate, errors = DjangoTemplates(), threading.Barrier(16), []
def work():
    gate.wait()
    try:
        engine.compile("{{ x }}", template_tag="", menu_action="")
    except Exception as error:
        errors.append(error)
threads = [threading.Thread(target=work) for _ in range(16)]
[each.start() for each in threads]
[each.join() for each in threads]
print(errors)
"""
    assert run(program) == "[]"
