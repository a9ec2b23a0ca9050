"""Which parser reads which file. A parser takes a text and the tree that it is in, and yields references."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lineage.audit.discovery.python import python
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage_schemas.reference import Reference

Parser = Callable[[Text, Tree], Iterable[Reference]]
"""Read one text. What it cannot read it notes by `tree.report`; it raises nothing for a text that is broken."""


def parser_of(file: str) -> Parser | None:
    """Return the parser of a file by its name; None if only the first line or the content can say what it is."""
    name = file.rpartition("/")[2]
    if name in _BY_NAME:
        return _BY_NAME[name]
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    return _BY_SUFFIX.get(suffix)


def parser_of_program(program: str) -> Parser | None:
    """Return the parser of a script by the program that its first line names, such as `python3` or `bash`."""
    return _BY_PROGRAM.get(program.rstrip("0123456789."))


_BY_NAME: dict[str, Parser] = {}
"""Parsers of files that have a name of their own, such as `Dockerfile`."""

_BY_SUFFIX: dict[str, Parser] = {"py": python, "pyi": python, "pyw": python}
"""Parsers by suffix, without its dot and in lower case."""

_BY_PROGRAM: dict[str, Parser] = {"python": python}
"""Parsers of scripts by the name of the program that runs them."""
