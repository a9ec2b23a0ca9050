"""Variables: the values that the words of a command may have, and where each value stands as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import NamedTuple

from lineage.audit.discovery.pieces import decoded
from lineage.audit.discovery.shell import Piece, Word
from lineage.audit.discovery.texts import Text
from lineage_schemas.reference import Place

MAX_VALUES = 20
"""Values of a word that are followed; a loop over a longer list has its others read in the list itself."""

MAX_DEPTH = 8
"""Variables that lead to variables."""

MAX_STEPS = 60
"""Words that are looked at to resolve one."""

Assigned = dict[str, list[Word]]
"""The same, while it is put together."""

Variables = Mapping[str, Sequence[Word]]
"""The words that each variable is assigned anywhere in a text."""


_BETWEEN = re.compile(r"\s")
_PART = re.compile(r"\S+")


class Value(NamedTuple):
    """Hold a value that a word may have. `at` is where it is written; `direct` says that this is the word itself.

    `used_at` are the words that have the value through a variable.
    """

    text: str
    source: Text
    at: int
    direct: bool = True
    used_at: tuple[Place, ...] = ()

    @property
    def place(self) -> Place:
        """Return where the value is written."""
        return self.source.place_at(self.at)


def values(word: Word, variables: Variables) -> list[Value]:
    """Return the values of a word; none if a part of it is a variable that has no value here."""
    return _Resolver(variables).values(word, ())


def parts_of(value: Value) -> Iterator[Value]:
    """Split a value with blanks or marks between names, as a shell splits the value of a variable without quotes."""
    is_list = "/" in value.text and not value.text.startswith(("{", "[")) and _BETWEEN.search(value.text.strip())
    if not is_list or not value.source.body.startswith(value.text, value.at):
        yield value
        return
    for match in islice(_PART.finditer(value.text), MAX_VALUES):
        yield value._replace(text=match[0], at=value.at + match.start())


class _Resolver:
    """Resolve one word, within a number of steps: variables that lead to each other have any number of ways."""

    def __init__(self, variables: Variables) -> None:
        self._variables, self._steps = variables, MAX_STEPS

    def values(self, word: Word, above: tuple[str, ...]) -> list[Value]:
        """Return the values of a word inside the variables `above`."""
        parts = [piece for piece in word.pieces if piece.text or piece.variable is not None]
        if all(part.variable is None for part in parts):
            return [Value(word.text, word.source, parts[0].at if parts else word.at)]
        if len(parts) == 1:
            used = word.source.place_at(parts[0].at)
            found = self._values_of(parts[0], above)
            split = [part for each in found for part in parts_of(each)]
            return [each._replace(direct=False, used_at=(*each.used_at, used)) for each in split[:MAX_VALUES]]
        here = Value("", word.source, word.at)
        choices = [
            [here._replace(text=part.text)] if part.variable is None else self._values_of(part, above) for part in parts
        ]
        return [_joined(word, each) for each in islice(product(*choices), MAX_VALUES)]

    def _values_of(self, piece: Piece, above: tuple[str, ...]) -> list[Value]:
        """Return the values of a variable: what it is assigned, and its default."""
        name = piece.variable or ""
        assigned = () if name in above else self._variables.get(name, ())[:MAX_VALUES]
        found: dict[Value, None] = {}
        for word in [*assigned, *([piece.default] if piece.default else [])]:
            self._steps -= 1
            if self._steps < 0 or len(above) > MAX_DEPTH or len(found) >= MAX_VALUES:
                break
            found.update(dict.fromkeys(each for each in self.values(word, (*above, name)) if each.text))
        return list(found)[:MAX_VALUES]


def _joined(word: Word, parts: Sequence[Value]) -> Value:
    """Join the values of the parts of a word. It stands where a variable's value is an id, else where the word is."""
    text = "".join(part.text for part in parts)
    ids = [part for part in parts if "/" in part.text and "://" not in part.text and part.at != word.at]
    if len(ids) == 1:
        return ids[0]._replace(text=text, direct=False, used_at=(*ids[0].used_at, word.source.place_at(word.at)))
    return Value(text, word.source, word.at, direct=False)


def mentioned(words: Sequence[Word]) -> Iterator[str]:
    """Return the variables that words use, also inside defaults."""
    stack = list(words)
    while stack:
        for piece in stack.pop().pieces:
            if piece.variable is not None:
                yield piece.variable
            if piece.default is not None:
                stack.append(piece.default)


def text_of(word: Word) -> Text:
    """Return what a word holds as a text, such as the program after `python -c`."""
    body = ""
    offsets: list[int] = []
    for piece in word.pieces:
        text = piece.text if piece.variable is None else f"${{{piece.variable}}}"
        body += text
        offsets.extend(range(piece.at, piece.at + len(text)) if piece.variable is None else [piece.at] * len(text))
    return decoded(word.source, body, offsets)
