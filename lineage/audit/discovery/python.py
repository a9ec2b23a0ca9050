"""Read Python: the calls that load models, and where the ids that they load stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.audit.discovery.flow.program import Program
from lineage.audit.discovery.flow.reading import references_of

if TYPE_CHECKING:
    from lineage.audit.discovery.texts import Text
    from lineage.audit.discovery.tree import Tree
    from lineage_schemas.reference import Reference


def python(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a Python file, or a piece of Python in another file."""
    program = tree.shared(Program)
    whole = text.is_whole
    if whole and not program.matters(text.file):
        return
    module = program.module(text.file) if whole else program.piece(text)
    if module is not None:
        yield from references_of(module, program)
