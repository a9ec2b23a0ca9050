"""Read Python: the calls that load models, and where the ids that they load stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.audit.discovery.flow.program import Program
from lineage.audit.discovery.flow.reading import references_of

if TYPE_CHECKING:
    from lineage.audit.discovery.texts import Text
    from lineage.audit.discovery.tree import Tree
    from lineage_schemas.reference import Reference

_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PROBE = bytes(each for each in range(128) if each != ord("\\")) + rb"\x41\u0041"


def python(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a Python file, or a piece of Python in another file."""
    program = tree.shared(Program)
    whole = text.is_whole
    if whole and (encoding := _other_encoding(text)) is not None:
        tree.report(text.file, f"it declares the encoding {encoding}, in which its source is another text")
    if whole and not program.matters(text.file):
        return
    module = program.module(text.file) if whole else program.piece(text)
    if module is not None:
        yield from references_of(module, program)


def _other_encoding(text: Text) -> str | None:
    """Return the declared encoding of a file if it gives ASCII another meaning: UTF-7 and unicode_escape hide code."""
    for line in text.lines[:2]:
        if (match := _COOKIE.match(line)) is not None:
            try:
                return None if _PROBE.decode(match[1]) == _PROBE.decode("ascii") else match[1]
            except (LookupError, ValueError):
                return match[1]
        if line.strip() and not line.lstrip().startswith("#"):
            return None
    return None
