"""Read JavaScript and TypeScript, also inside of HTML, Vue and Svelte files."""

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

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_OTHER_TYPES = re.compile(r"""type\s*=\s*["'](?!module|text/javascript|text/typescript|application/javascript)""", re.I)


def javascript(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a JavaScript or TypeScript file, or a piece of one in another file."""
    program = tree.shared(Program)
    if text.is_whole and not program.matters(text.file):
        return
    module = program.module(text.file) if text.is_whole else program.piece(text, "javascript")
    if module is not None:
        yield from references_of(module, program)


def html(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read the scripts of a page or component."""
    for match in _SCRIPT.finditer(text.body):
        if match[2].strip() and not _OTHER_TYPES.search(match[1]):
            yield from javascript(text.part(match.start(2), match.end(2)), tree)
