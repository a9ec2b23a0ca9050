"""What a card declares as its licence: identifiers, names, lists and SPDX expressions, and what cannot be identified.

Nothing is guessed: a text that is not in the table is kept as it is, and its terms are unknown. A text may be hostile;
what is too long or too complicated is unknown too, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lineage.errors import few
from lineage.licences.lattice import Alternative, Alternatives, Terms, TooManyAlternativesError, any_of, every
from lineage.licences.table import TERMS, Licence, exception_named, licence_at, licence_named

MAX_CHARACTERS = 1_000
"""Characters of a declaration that are read; the longest real ones, lists of five identifiers, have under a hundred."""

MAX_LICENCES = 32
"""Licences in one declaration."""

MAX_DEPTH = 16
"""Parentheses inside each other."""

MAX_SHOWN = 200
"""Characters of a declaration that are quoted."""

_SYNTAX = re.compile(r"([()])|(?<!\S)(and|or|with)(?![^\s(])|(?<=\))(and|or|with)(?![^\s(])", re.IGNORECASE)

_OPERATORS = frozenset({"and", "or", "with"})

_OR_LATER = re.compile(r"\s+or\s+(?:later|newer|any\s+later(?:\s+version)?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Licences:
    """The licences of a model.

    `text` is the declaration, with the name of an own licence for `other`, cut if it is long; null if nothing is
    declared. `ids` are the identifiers that were found in it, in the order of the text. `unidentified` are the parts
    that are not in the table, and `reason` says why the licence is not known, null if it is.
    `readings` are what the declaration can mean: a list of the Hub does not say whether all its licences hold or one
    may be chosen, so that a list of two or more has two readings, and all others have one.
    """

    text: str | None
    readings: tuple[Alternatives, ...]
    ids: tuple[str, ...] = ()
    unidentified: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def is_known(self) -> bool:
        """Say whether every licence of the declaration was identified."""
        return self.reason is None


@dataclass(frozen=True)
class _Part:
    """One licence of a declaration: what it is called, what it is in the table, and why it is not."""

    name: str
    licence: Licence | None
    reason: str | None = None
    terms: Terms | None = None


def parse(value: Any, name: Any = None, link: Any = None) -> Licences:
    """Read `license`, `license_name` and `license_link` of a card, or what a store kept of them.

    `value` is an identifier or name in any usual spelling, an SPDX expression, or a list of these, also as one text
    with commas. As on the Hub, `name` and `link` count only where `value` is `other` or missing: the name is looked
    up like an identifier, the link as the address of a known text. If both are known and disagree, the licence is
    unknown.
    """
    named = _Named(_text(name), _text(link))
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        if named.name is None and named.link is None:
            return _unknown(None, "no licence is declared")
        value = "other"
    if isinstance(value, (list, tuple)):
        return _list(value, named)
    text = _text(value)
    if text is None:
        return _unknown(repr(value) if isinstance(value, (int, float)) else "…", "the declaration is not a text")
    if len(text) > MAX_CHARACTERS:
        return _unknown(text, f"the declaration is longer than {MAX_CHARACTERS:,} characters")
    if "," in text and licence_named(text) is None:
        return _list(text.split(","), named)
    return _guarded(named.part().name if text.casefold() == "other" else text, [text], named)


@dataclass(frozen=True)
class _Named:
    """Hold the name and the link that a card gives a licence of its own."""

    name: str | None
    link: str | None

    def part(self) -> _Part:
        """Identify the licence by its name and its link."""
        by_name = licence_named(self.name) if self.name and len(self.name) <= MAX_CHARACTERS else None
        by_link = licence_at(self.link) if self.link else None
        shown = _cut(self.name or self.link or "other")
        if by_name and by_link and by_name != by_link:
            reason = f"its name says {by_name.id} and its link leads to {by_link.id}"
            return _Part(shown, None, reason)
        found = by_name or by_link
        if found is None and self.name is None and self.link is None:
            return _Part("other", None, "the card says that the licence is not on the Hub's list, and does not name it")
        return _Part(shown, found, None if found else f"“{shown}” is not in the table of licences")


def _list(items: Sequence[Any], named: _Named) -> Licences:
    """Read a list, each item of which may be an expression."""
    texts = [text for item in items[: MAX_LICENCES + 1] if (text := _text(item)) is not None]
    shown = ", ".join(_cut(text) for text in texts)
    if len(items) > MAX_LICENCES:
        return _unknown(shown, f"the declaration lists more than {MAX_LICENCES} licences")
    if len(texts) < len(items) and any(_text(item) is None and item not in ("", None) for item in items):
        return _unknown(shown or "…", "the list holds something that is not a text")
    if not texts:
        return _unknown(None, "no licence is declared")
    if sum(map(len, texts)) > MAX_CHARACTERS:
        return _unknown(shown, f"the declaration is longer than {MAX_CHARACTERS:,} characters")
    return _guarded(shown, list(dict.fromkeys(texts)), named)


def _guarded(text: str, items: list[str], named: _Named) -> Licences:
    """Read the items of a declaration; what has too many alternatives is unknown."""
    try:
        read = [_expression(item, named) for item in items]
        ways = [alternatives for alternatives, _ in read]
        readings = (every(ways),) if len(ways) == 1 else (every(ways), any_of(ways))
    except TooManyAlternativesError as error:
        return _unknown(text, f"the declaration cannot be compared: {error}")
    parts = [part for _, parts in read for part in parts]
    reasons = list(dict.fromkeys(part.reason for part in parts if part.reason))
    return Licences(
        text=_cut(text),
        readings=readings,
        ids=tuple(dict.fromkeys(part.name for part in parts if part.licence)),
        unidentified=tuple(dict.fromkeys(part.name for part in parts if not part.licence)),
        reason=few(reasons) or None,
    )


def _expression(text: str, named: _Named) -> tuple[Alternatives, list[_Part]]:
    """Read one identifier, name or SPDX expression. Raises TooManyAlternativesError."""
    text = _OR_LATER.sub("-or-later", " ".join(text.split()))
    pieces = [piece.strip() for piece in _SYNTAX.split(text) if piece and piece.strip()]
    if len(pieces) == 1 or (text.count("(") == text.count(")") and licence_named(text)):
        return _single(_part(text, named))
    problem = _problem(pieces)
    if problem:
        return _single(_Part(_cut(text), None, f"“{_cut(text)}” is not known: {problem}"))
    return _SpdxExpression(pieces, named).read(text)


def _problem(pieces: list[str]) -> str | None:
    """Say what is wrong with an expression before the parser sees it, which some broken ones make fail.

    A licence or `(` begins each part, and an operator or `)` follows it; all parentheses are closed.
    """
    depth = deepest = 0
    after_licence = False
    for piece in pieces:
        is_operator = piece.casefold() in _OPERATORS
        if after_licence != (is_operator or piece == ")") or depth < (piece == ")"):
            return "it is not an SPDX expression"
        depth += (piece == "(") - (piece == ")")
        deepest = max(deepest, depth)
        after_licence = not is_operator and piece != "("
    if depth or not after_licence:
        return "it is not an SPDX expression"
    if deepest > MAX_DEPTH:
        return f"the expression has more than {MAX_DEPTH} parentheses inside each other"
    licences = sum(piece not in "()" and piece.casefold() not in _OPERATORS for piece in pieces)
    return f"the expression has more than {MAX_LICENCES} licences" if licences > MAX_LICENCES else None


class _SpdxExpression:
    """Read an expression with operators.

    license-expression reads symbols without numbered names to stand for ours, because names that people write have
    spaces in them.
    """

    def __init__(self, pieces: list[str], named: _Named) -> None:
        self._named = named
        self._names: list[str] = []
        self._parts: list[_Part] = []
        self._written = " ".join(map(self._symbol, pieces))

    def _symbol(self, piece: str) -> str:
        if piece in "()" or piece.casefold() in _OPERATORS:
            return piece.upper()
        self._names.append(piece)
        return f"L{len(self._names) - 1}"

    def read(self, text: str) -> tuple[Alternatives, list[_Part]]:
        """Return the alternatives and the licences, in the order of the text. Raises TooManyAlternativesError."""
        from license_expression import (  # type: ignore[import-untyped]
            ExpressionError,
            ExpressionParseError,
            Licensing,
            ParseError,
        )

        try:
            tree = Licensing().parse(self._written, simple=True)
        except (ExpressionError, ExpressionParseError, ParseError):
            tree = None
        if tree is None:
            return _single(_Part(_cut(text), None, f"“{_cut(text)}” is not known: it is not an SPDX expression"))
        alternatives = self._walk(tree)
        return alternatives, self._parts

    def _walk(self, node: Any) -> Alternatives:
        """Make the alternatives of a node, whose depth is bounded."""
        if hasattr(node, "exception_symbol"):
            return self._leaf(self._name(node.license_symbol), self._name(node.exception_symbol))
        if hasattr(node, "key"):
            return self._leaf(self._name(node), None)
        parts = [self._walk(part) for part in node.args]
        return every(parts) if node.operator.strip() == "AND" else any_of(parts)

    def _name(self, symbol: Any) -> str:
        return self._names[int(symbol.key[1:])]

    def _leaf(self, name: str, exception: str | None) -> Alternatives:
        part = _part(name, self._named)
        if exception is not None:
            part = _excepted(part, exception)
        self._parts.append(part)
        return _alternatives(part)


def _part(text: str, named: _Named) -> _Part:
    """Identify one licence."""
    word = text.casefold()
    if word == "other":
        return _with_id(named.part())
    if word == "unknown":
        return _Part("unknown", None, "the card says that the licence is unknown")
    found = licence_named(text)
    return _with_id(_Part(_cut(text), found, None if found else f"“{_cut(text)}” is not in the table of licences"))


def _with_id(part: _Part) -> _Part:
    """Name an identified licence by its identifier."""
    return _Part(part.licence.id, part.licence, None, part.licence.terms) if part.licence else part


def _excepted(part: _Part, exception: str) -> _Part:
    """Apply an SPDX exception to a licence."""
    found = exception_named(exception)
    name = f"{part.name} WITH {found.id if found else _cut(exception)}"
    if part.licence is None or part.terms is None:
        return _Part(name, None, part.reason)
    if found is None:
        return _Part(name, None, f"“{_cut(exception)}” is not in the table of exceptions")
    easier = Terms.of(tuple(dict(found.relaxes).get(term, _MOST[term]) for term in TERMS))
    return _Part(name, part.licence, None, part.terms.relaxed(easier))


_MOST = {term: "no" if term in {"commercial_use", "derivatives"} else "yes" for term in TERMS[:-1]} | {TERMS[-1]: "0"}
"""The most that each term can demand."""

_ANYTHING = Terms.of(("unknown",) * len(TERMS))


def _single(part: _Part) -> tuple[Alternatives, list[_Part]]:
    return _alternatives(part), [part]


def _alternatives(part: _Part) -> Alternatives:
    name = part.name if part.licence else f"?{part.name}"
    return (Alternative(frozenset({name}), part.terms or _ANYTHING),)


def _unknown(text: str | None, reason: str) -> Licences:
    """Describe a declaration of which nothing is known."""
    shown = None if text is None else _cut(text)
    readings = (_alternatives(_Part(shown or "", None)),)
    return Licences(shown, readings, unidentified=(shown,) if shown else (), reason=reason)


def _text(value: Any) -> str | None:
    """Take a text that is not empty, with lone surrogates replaced; None for all else."""
    if not isinstance(value, str) or not value.strip():
        return None
    return value[: MAX_CHARACTERS + 1].encode(errors="replace").decode().strip() or None


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
