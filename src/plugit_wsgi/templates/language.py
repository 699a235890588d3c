"""The tags and filters a service's template may use: a list of what is let in.

1. A tag or filter that is not named here does not exist for a template. Not let in are those that reach the
   host: its files (``include``), its settings and modules (``debug``), its routes (``url``), its request
   (``querystring``).
2. ``load`` knows one library, ours. ``extends`` knows two names, and they are no files.
3. Filters whose argument is a size or a multiplier are replaced by bounded ones; those that look into values,
   by ones that look into data only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial, reduce, wraps
from typing import Any
from unicodedata import combining, normalize

from django.template import Library, TemplateSyntaxError
from django.template import defaultfilters as filters
from django.template.base import Node, NodeList, Token
from django.template.defaulttags import IfNode, TemplateIfParser
from django.template.defaulttags import register as default_tags
from django.template.loader_tags import do_block

from .budget import DEEPEST, DEFAULT, FURTHEST, LONGEST, WIDEST, OverBudget, is_deeper, measure
from .data import MISSING, look_up
from .nodes import Block, CsrfToken, Extends, IfChanged, Lorem, Text
from .parents import PARENTS

# fmt: off
_TAGS = (
    "autoescape", "comment", "cycle", "filter", "firstof", "for", "if", "load", "now", "regroup",
    "resetcycle", "spaceless", "templatetag", "widthratio", "with",
)
_FILTERS = (
    "addslashes", "capfirst", "cut", "date", "default", "default_if_none", "divisibleby", "escape",
    "escapejs", "filesizeformat", "first", "force_escape", "get_digit", "iriencode", "json_script",
    "last", "length", "linebreaks", "linebreaksbr", "lower", "phone2numeric", "pluralize", "random",
    "safe", "slice", "slugify", "striptags", "time", "timesince", "timeuntil", "title", "truncatechars",
    "truncatewords", "upper", "urlencode", "urlize", "urlizetrunc", "wordcount", "wordwrap", "yesno",
)
# fmt: on

MOST = DEFAULT.output
MARKS = 100
"""Accents and the like that one letter may have."""
_NO_LATIN = re.compile(rf"[^\x00-\u02ff]{{{MARKS},}}")


def _check_width(_value: Any, argument: Any) -> None:
    """No number in the argument is above the widest."""
    if any(len(digits) > 9 or int(digits) > WIDEST for digits in re.findall(r"\d+", str(argument))):
        raise OverBudget(f"a width or precision above {WIDEST}")


def _check_sum(value: Any, argument: Any) -> None:
    """Two lists or texts are not larger together than the output may be: doubling ends early."""
    if isinstance(value, (list, tuple)):
        _check_items(value, argument)
    if isinstance(value, (str, list, tuple)) and measure([value, argument], MOST) > MOST:
        raise OverBudget("a sum that is too large")


def _check_items(value: Any, _argument: Any) -> None:
    """A text counts by its letters, as it does for filters that go through lists."""
    if isinstance(value, (str, list, tuple)) and len(value) > LONGEST:
        raise OverBudget(f"a list of more than {LONGEST}")


def _check_print(value: Any, _argument: Any) -> None:
    """All that is inside counts."""
    if measure(value, LONGEST) > LONGEST:
        raise OverBudget(f"more than {LONGEST} to be printed")


def _check_cut(_value: Any, argument: Any) -> None:
    """Markup is parsed up to the cut."""
    _check_marks(_value, argument)
    if str(argument).isdigit() and int(argument) > FURTHEST:
        raise OverBudget(f"a cut after more than {FURTHEST}")


def _check_lines(value: Any, _argument: Any) -> None:
    """Each line is made longer by the length of its number."""
    if str(value).count("\n") > LONGEST:
        raise OverBudget(f"more than {LONGEST} lines")


def _check_marks(value: Any, _argument: Any) -> None:
    """Unicode's order of the marks on one letter takes the square of their number."""
    for run in _NO_LATIN.findall(str(value)):
        marks = 0
        for letter in run:
            marks = marks + 1 if combining(normalize("NFKD", letter)[0]) else 0
            if marks > MARKS:
                raise OverBudget(f"more than {MARKS} marks on a letter")


def _check_letters(value: Any, _argument: Any) -> None:
    """Letters one by one take a hundred times the memory of a text."""
    if len(str(value)) > LONGEST:
        raise OverBudget(f"a list of more than {LONGEST}")


def _check_join(value: Any, separator: Any) -> None:
    """The separators together are not larger than the output may be."""
    _check_items(value, separator)
    if isinstance(value, (str, list, tuple)) and len(value) * len(str(separator)) > MOST:
        raise OverBudget("a joined text that is too large")


def _check_depth(value: Any, _argument: Any) -> None:
    """Each level is indented further, so that depth multiplies length."""
    _check_print(value, _argument)
    if is_deeper(value, DEEPEST):
        raise OverBudget(f"a list nested deeper than {DEEPEST}")


def _block(parser: Any, token: Token) -> Node:
    plain = do_block(parser, token)
    return Block(plain.name, plain.nodelist)


def _extends(parser: Any, token: Token) -> Node:
    """The name is a literal and one of ours; a variable could be any name, so it is refused as well."""
    words = token.split_contents()
    name = words[1] if len(words) == 2 else ""
    parent = PARENTS.get(name[1:-1]) if name[:1] in ("'", '"') and name[:1] == name[-1:] else None
    if parent is None:
        raise TemplateSyntaxError(f"a template can extend {' and '.join(PARENTS)}, and nothing else")
    nodelist = parser.parse()
    if nodelist.get_nodes_by_type(Extends):
        raise TemplateSyntaxError("'extends' cannot appear more than once in the same template")
    return Extends(parent, nodelist)


def _csrf_token(_parser: Any, _token: Token) -> Node:
    return CsrfToken()


def _ifchanged(parser: Any, token: Token) -> Node:
    plain = default_tags.tags["ifchanged"](parser, token)
    return IfChanged(plain.nodelist_true, plain.nodelist_false, *plain._varlist)


def _lorem(parser: Any, token: Token) -> Node:
    plain = default_tags.tags["lorem"](parser, token)
    return Lorem(plain.count, plain.method, plain.common)


def _verbatim(parser: Any, _token: Token) -> Node:
    nodelist = parser.parse(("endverbatim",))
    parser.delete_first_token()
    return Text("".join(node.s for node in nodelist))


def _ifequal(parser: Any, token: Token) -> Node:
    """Gone from Django since version 4, but services written for the original have it."""
    tag, *operands = token.split_contents()
    if len(operands) != 2:
        raise TemplateSyntaxError(f"{tag!r} takes two arguments")
    operator = "==" if tag == "ifequal" else "!="
    condition = TemplateIfParser(parser, [operands[0], operator, operands[1]]).parse()
    return IfNode([(condition, parser.parse(("else", f"end{tag}"))), *_else(parser, f"end{tag}")])


def _else(parser: Any, end: str) -> Sequence[tuple[None, NodeList]]:
    if parser.next_token().contents != "else":
        return ()
    nodelist = parser.parse((end,))
    parser.delete_first_token()
    return ((None, nodelist),)


def _length_is(value: Any, length: Any) -> bool | str:
    """Gone from Django since version 5.1, but services written for the original have it."""
    try:
        return len(value) == int(length)
    except (ValueError, TypeError):
        return ""


def _sorted(value: Any, key: Any, *, reverse: bool) -> Any:
    """Django's looks for Python attributes where there is no such key; a dot in a variable does not."""
    names = str(key).split(".")
    if len(names) > DEEPEST:
        raise OverBudget(f"a key of more than {DEEPEST} names")
    try:
        return sorted(value, key=partial(_found, names), reverse=reverse)
    except TypeError:
        return ""


def _found(names: Sequence[str], item: Any) -> Any:
    value = reduce(look_up, names, item)
    if value is MISSING:
        raise TypeError("an item has no such key")
    return value


_Check = Callable[[Any, Any], None]


def _checked(name: str, check: _Check) -> Callable[..., Any]:
    """One of Django's filters with a check before it, which gets value and argument, and raises."""
    genuine: Callable[..., Any] = filters.register.filters[name]

    @wraps(genuine)
    def checked(value: Any, *arguments: Any, **options: Any) -> Any:
        check(value, arguments[0] if arguments else None)
        return genuine(value, *arguments, **options)

    return checked


_OWN_TAGS: dict[str, Callable[[Any, Token], Node]] = {
    "block": _block,
    "csrf_token": _csrf_token,
    "extends": _extends,
    "ifchanged": _ifchanged,
    "ifequal": _ifequal,
    "ifnotequal": _ifequal,
    "lorem": _lorem,
    "verbatim": _verbatim,
}
_BOUNDED: dict[str, _Check] = {
    "add": _check_sum,
    "center": _check_width,
    "escapeseq": _check_items,
    "floatformat": _check_width,
    "join": _check_join,
    "linenumbers": _check_lines,
    "ljust": _check_width,
    "make_list": _check_letters,
    "pprint": _check_print,
    "rjust": _check_width,
    "safeseq": _check_items,
    "stringformat": _check_width,
    "slugify": _check_marks,
    "truncatechars": _check_marks,
    "truncatechars_html": _check_cut,
    "truncatewords_html": _check_cut,
    "unordered_list": _check_depth,
}

register = Library()
register.tags.update({name: default_tags.tags[name] for name in _TAGS})
register.tags.update(_OWN_TAGS)
register.filters.update({name: filters.register.filters[name] for name in _FILTERS})
register.filters.update({name: _checked(name, check) for name, check in _BOUNDED.items()})
register.filter("dictsort", partial(_sorted, reverse=False), is_safe=False)
register.filter("dictsortreversed", partial(_sorted, reverse=True), is_safe=False)
register.filter("length_is", _length_is)
