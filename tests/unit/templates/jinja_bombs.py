"""Templates in Jinja's language that are made to take all time or memory, and a process to try them in.

Run as a program, it reads a list of names as JSON, renders each bomb in a child of its own, whose memory and
time the system limits, and prints what came of them. So a bomb that goes off is seen, and not suffered.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from plugit_wsgi.errors import TemplateError
from plugit_wsgi.templates.jinja import JinjaTemplates
from plugit_wsgi.testing.template_contract import facts_for

MIB = 1024 * 1024
MEMORY = 400 * MIB
SECONDS = 8


def again(times: int, step: str, first: str = "{% set x = w %}", last: str = "{{ x|length }}") -> str:
    return first + step * times + last


NESTED = "{% for a in l %}{% for b in l %}{% for c in l %}BODY{% endfor %}{% endfor %}{% endfor %}"
ROUND = "{% for a in l %}BODY{% endfor %}"
LISTS = again(40, "{% set x = [x, x] %}", "{% set x = [1] %}", "")
DICTS = again(40, "{% set x = {'a': x, 'b': x} %}", "{% set x = {'a': 1} %}", "")
SPACES = "{% set n = namespace(x=w) %}{% for a in l %}BODY{% endfor %}{{ n.x|length }}"

#: Name -> template; all have to be refused.
BOMBS = {
    "loops": NESTED.replace("BODY", ""),
    "loops with text": NESTED.replace("BODY", "x"),
    "loops with a condition": NESTED.replace("BODY", "{% if a == b %}{% endif %}"),
    "loops that set": NESTED.replace("BODY", "{% set z = a %}"),
    "loops with conditions of their own": NESTED.replace(" in l ", " in l if true "),
    "much text in a loop": ROUND.replace("BODY", "t" * 5000),
    "much text in a branch": ROUND.replace("BODY", "{% if true %}" + "t" * 5000 + "{% endif %}"),
    "much text in a capture": "{% set x %}" + ROUND.replace("BODY", "t" * 5000) + "{% endset %}",
    "much text in a filter block": "{% filter upper %}"
    + ROUND.replace("BODY", "{{ w }}" * 5)
    + "{% endfilter %}",
    "many values in a loop": ROUND.replace("BODY", "{{ w }}{{ w }}{{ w }}"),
    "many values that are escaped": ROUND.replace("BODY", "{{ quotes }}{{ quotes }}"),
    "macro in itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macro twice in itself": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}"
    "{{ m(30) }}",
    "macro that grows its argument": "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m(w) }}",
    "callers in callers": "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
    "doubled by ~": again(40, "{% set x = x ~ x %}"),
    "doubled by +": again(40, "{% set x = x + x %}"),
    "doubled by a capture": again(40, "{% set x %}{{ x }}{{ x }}{% endset %}"),
    "doubled by a macro": "{% macro m(t) %}{{ t }}{{ t }}{% endmacro %}" + again(40, "{% set x = m(x) %}"),
    "doubled by a filter block": again(
        40, "{% set x %}{% filter upper %}{{ x }}{{ x }}{% endfilter %}{% endset %}"
    ),
    "doubled by format": again(40, "{% set x = '%s%s'|format(x, x) %}"),
    "doubled by %": again(40, "{% set x = '%s%s' % (x, x) %}"),
    "doubled by replace": again(8, "{% set x = x|replace('x', x) %}"),
    "doubled by the method replace": again(8, "{% set x = x.replace('x', x) %}"),
    "doubled by join": again(8, "{% set x = x|join(x) %}"),
    "doubled by join of two": again(40, "{% set x = [x, x]|join %}"),
    "doubled by lists": again(40, "{% set x = x + x %}", "{% set x = l %}"),
    "doubled in a namespace": SPACES.replace("BODY", "{% set n.x = n.x ~ n.x %}"),
    "lists in lists, in a namespace": SPACES.replace("BODY", "{% set n.x = [n.x, n.x] %}") + "{{ n.x }}",
    "many large texts kept": "".join(f"{{% set x{n} = long ~ {n} %}}" for n in range(2000)),
    "many large lists kept": "".join(f"{{% set x{n} = long|list %}}" for n in range(500)),
    "lists in lists, kept": LISTS,
    "mappings in mappings, kept": DICTS,
    "lists in lists, printed": LISTS + "{{ x }}",
    "lists in lists, compared": LISTS + LISTS.replace("x", "y") + "{{ x == y }}",
    "lists in lists, as JSON": LISTS + "{{ x|tojson }}",
    "lists in lists, as text": LISTS + "{{ x|string|length }}",
    "mappings in mappings": DICTS + "{{ x }}",
    "mappings by dict()": again(40, "{% set x = dict(a=x, b=x) %}", "{% set x = {} %}", "{{ x }}"),
    "text times a number": "{{ ('a' * 4000000000)|length }}",
    "list times a number": "{{ ([1] * 400000000)|length }}",
    "a large power": "{{ 9 ** 9 ** 9 }}",
    "powers of powers": again(60, "{% set x = x * x %}", "{% set x = 9 %}", "{{ x }}"),
    "a large shift by powers": "{{ 10 ** 60 ** 60 }}",
    "range": "{{ range(4000000000)|length }}",
    "range printed": "{{ range(99999) }}{{ range(99999) }}" * 100,
    "range in range": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "center": "{{ w|center(4000000000)|length }}",
    "ljust": "{{ w|ljust(4000000000)|length }}",
    "indent": "{{ lines|indent(1000000000)|length }}",
    "indent again and again": again(40, "{% set x = x|indent(100) %}", "{% set x = lines %}"),
    "format's width": "{{ '%4000000000s'|format('a')|length }}",
    "%'s width": "{{ '%4000000000s' % 'a' }}",
    "the method format": "{{ '{:>4000000000}'.format('a') }}",
    "floatformat": "{{ 1|floatformat(1000000000) }}",
    "batch": "{{ l|batch(1000000000, 'x') }}",
    "slice": "{{ l|slice(1000000000) }}",
    "sort in a loop": ROUND.replace("BODY", "{% set x = many|sort %}"),
    "unique in a loop": ROUND.replace("BODY", "{% set x = many|unique %}"),
    "groupby in a loop": ROUND.replace("BODY", "{% set x = rows|groupby('a') %}"),
    "map in a loop": ROUND.replace("BODY", "{% set x = many|map('upper')|list %}"),
    "sum of lists": "{{ [l, l, l, l, l, l, l, l]|sum(start=[])|length }}" * 400,
    "reverse in a loop": ROUND.replace("BODY", "{% set x = many|reverse %}"),
    "wordwrap in a loop": ROUND.replace("BODY", "{{ words|wordwrap(1)|length }}"),
    "urlize in a loop": ROUND.replace("BODY", "{{ words|urlize|length }}"),
    "striptags in a loop": ROUND.replace("BODY", "{{ tags|striptags|length }}"),
    "linebreaks in a loop": ROUND.replace("BODY", "{{ lines|linebreaks|length }}" * 50),
    "in a text, in a loop": ROUND.replace("BODY", "{% if 'zz' in long %}{% endif %}" * 50),
    "in a list, in a loop": ROUND.replace("BODY", "{% if 'zz' in many %}{% endif %}" * 50),
    "long texts compared": ROUND.replace("BODY", "{% if long == other %}{% endif %}" * 50),
    "long lists compared": ROUND.replace("BODY", "{% if many == same %}{% endif %}" * 50),
    "long texts in order": ROUND.replace("BODY", "{% if long < other %}{% endif %}" * 50),
    "slices of a long text": ROUND.replace("BODY", "{% set x = long[1:] %}" * 50),
    "long texts in JSON": ROUND.replace("BODY", "{{ long|tojson|length }}" * 50),
    "parentheses": "{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}",
    "lists in lists, written": "{{ " + "[" * 50_000 + "]" * 50_000 + " }}",
    "dots": "{{ w" + ".a" * 50_000 + " }}",
    "subscripts": "{{ w" + "[0]" * 50_000 + " }}",
    "filters of filters": "{{ w" + "|upper" * 50_000 + " }}",
    "a sum of many": "{{ 1" + "+1" * 50_000 + " }}",
    "not not": "{{ " + "not " * 50_000 + "1 }}",
    "signs": "{{ " + "-" * 50_000 + "1 }}",
    "conditions in conditions": "{% if 1 %}" * 20_000 + "{% endif %}" * 20_000,
    "elif and elif": "{% if a %}" + "{% elif a %}" * 100_000 + "{% endif %}",
    "loops in loops": "{% for a in l %}" * 5000 + "{% endfor %}" * 5000,
    "blocks in blocks": "".join(f"{{% block b{n} %}}" for n in range(5000)) + "{% endblock %}" * 5000,
    "a long template": "{{ w }}{% if w %}{{ l }}{% endif %}" * 30_000,
    "a number of many digits": "{{ " + "9" * 1_000_000 + " }}",
    "a number of many lines": "{{ " + "1_" * 500_000 + "1 }}",
    "a text of backslashes": "{{ '" + "\\\\a" * 300_000 + "'~w~w }}" + "{{ w }}" * 40_000,
    "a comment without an end": "{#" * 500_000,
    "raw without an end": "{% raw %}" * 100_000,
    "blanks": "{{" + " " * 1_000_000,
    "blanks before tags": "{{ w }}" + (" " * 1000 + "{%- if") * 1000,
    "a loop variable that is a list of itself": again(
        40, "{% set x = [x] + x %}", "{% set x = [1] %}", "{{ x }}"
    ),
    "the case of a long text": "{{ long is lower }}" * 3000,
    "a long argument": "{{ true|yesno(commas)|length }}" * 1500,
    "a key of digits": "{{ many|map(attribute=digits)|length }}" * 1000,
    "marks on a letter, in a slug": "{{ marks|slugify }}",
    "marks on a letter, cut": "{{ marks|truncatechars(10) }}",
    "itself": '{{ plugitInclude("self") }}',
    "itself twice": '{{ plugitInclude("self") }}{{ plugitInclude("self") }}',
}


#: The answer that they are rendered with.
GIVEN: dict[str, Any] = {}


def data() -> dict[str, Any]:
    many = [f"a{number}" for number in range(50_000)]
    return {
        "l": list(range(1000)),
        "w": "x" * 1000,
        "quotes": '"' * 1000,
        "lines": "a\n" * 1000,
        "long": "y" * 1_000_000,
        "other": "y" * 999_999 + "z",
        "commas": "," * 1_000_000,
        "digits": "9" * 4000,
        "marks": "a" + "\u0300\u0327" * 250_000,
        "many": many,
        "rows": [{"a": each} for each in many],
        "same": [*many[:-1], "z"],
        "words": "http://www.example.org/ " * 5000,
        "tags": "<p>x</p>" * 20_000,
    }


def main() -> None:
    GIVEN.update(data())
    print(json.dumps({name: tried(name) for name in json.load(sys.stdin)}))


def tried(name: str) -> dict[str, Any]:
    """What came of a bomb, in a child with limits."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            os.write(writing, json.dumps(_outcome(BOMBS[name])).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    found: dict[str, Any] = (
        json.loads(said) if said else {"error": f"died with {status}", "is_template": False}
    )
    return found


def _outcome(source: str) -> dict[str, Any]:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    engine, started = JinjaTemplates(), time.thread_time()
    try:
        template = engine.compile(source, template_tag="bomb", menu_action="menubar")
        template.render(GIVEN, facts_for(include=lambda _action: template))
        error, is_template = "", False
    except TemplateError as found:
        error, is_template = str(found)[:200], True
    except BaseException as found:
        error, is_template = repr(found)[:200], False
    return {
        "error": error,
        "is_template": is_template,
        "seconds": time.thread_time() - started,
        "mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    }


if __name__ == "__main__":
    main()
