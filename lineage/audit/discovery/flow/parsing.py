"""Parse a text into a module; what cannot be parsed is noted, and the statements around it are read."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

from lineage.audit.discovery.flow.walking import read_module

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.scopes import Module
    from lineage.audit.discovery.texts import Text
    from lineage.audit.discovery.tree import Tree

_STATEMENT = re.compile(r"[^\s#)\]}]")
_CONTINUED = re.compile(r"(?:elif|else|except|finally)\b")
_MAX_PIECES = 5000


def parse(text: Text, tree: Tree, *, script: bool) -> Module | None:
    """Parse Python, or with `script` JavaScript or TypeScript; None if nothing of it can be parsed."""
    try:
        if script:
            from lineage.audit.discovery.flow.javascript import translate

            typescript = text.file.endswith((".ts", ".mts", ".cts"))
            return read_module(text, translate(text.body, typescript=typescript), "javascript")
        return read_module(text, _python(text, tree))
    except (RecursionError, MemoryError):
        tree.report(text.file, "the source nests too deep to be parsed")
        return None


def _python(text: Text, tree: Tree) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as an invalid escape in a string of the source
        try:
            return ast.parse(text.body)
        except (SyntaxError, ValueError) as error:
            line = text.row(getattr(error, "lineno", None) or 1).line
            tree.report(text.file, f"not all of the Python source can be parsed: {_message(error)} (line {line})")
            return _by_statements(text.lines)


def _message(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)


def _by_statements(lines: list[str]) -> ast.Module:
    """Parse each statement by itself, and leave out those that are not valid."""
    starts = [at for at, line in enumerate(lines) if _STATEMENT.match(line) and not _CONTINUED.match(line)]
    starts = [*starts[:_MAX_PIECES], len(lines)]
    found = ast.Module(body=[], type_ignores=[])
    at = 0
    while at < len(starts) - 1:
        # A text in triple quotes may have lines that look like statements: up to seven more are taken in.
        for more in range(1, min(9, len(starts) - at)):
            try:
                parsed = ast.parse("\n".join(lines[starts[at] : starts[at + more]]))
            except (SyntaxError, ValueError):
                continue
            found.body.extend(ast.increment_lineno(parsed, starts[at]).body)
            at += more - 1
            break
        at += 1
    return found
