"""Find the models that a source tree uses."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, get_args

from lineage.audit.discovery.addresses import addresses_elsewhere
from lineage.audit.discovery.flow.reading import labelled_references
from lineage.audit.discovery.joining import joined
from lineage.audit.discovery.parsers import Parser, any_text, parser_of, parser_of_program
from lineage.audit.discovery.references import canonical, is_commit, merged
from lineage.audit.discovery.scripts import MAX_REFERENCES
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import FoundWeights, Tree, Unread
from lineage.audit.discovery.walk import walk
from lineage.audit.discovery.weights import PROSE, weights_in
from lineage_schemas.left_out import LeftOut, LeftOutReason
from lineage_schemas.reference import Reference

_PROGRAM = re.compile(r"#!\s*(?:\S*/env\s+(?:-S\s+)?)?(?:\S*/)?([\w.+-]+)")


class Listed(NamedTuple):
    """Name a model that the project file lists, and where: `file` is the path from the root, `line` counts from 1."""

    model: str
    revision: str | None
    file: str
    line: int
    column: int = 1


class Discovery(NamedTuple):
    """Hold what was found in a tree, in the order of the files: references, what was not read, and weights.

    `left_out` is what was not searched: the first of what the user chose to leave out, and every file of `unread`;
    `counts` counts all of it by reason.
    """

    references: tuple[Reference, ...]
    unread: tuple[Unread, ...]
    weights: tuple[FoundWeights, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    counts: Mapping[LeftOutReason, int] = MappingProxyType({})


def discover(
    root: Path, *, exclude: Sequence[str] = (), unlisted: Sequence[str] = (), listed: Sequence[Listed] = ()
) -> Discovery:
    """Find the references to models in a source tree, and the weights that are in it.

    `exclude` are patterns as in a .gitignore, `unlisted` those of files that repeat the sources, and `listed` the
    models of the project file. What could not be read is in `unread`: an answer without it would be a false clean.
    Raises InputError if the root is not a folder.
    """
    tree = walk(root, exclude, unlisted=unlisted)
    tree.parser_of = parser_of
    with _without_collector():
        references = merged((*_listed(listed), *_unlisted(joined(tree, _read(tree)), listed)))
    weights = weights_in(tree)
    left_out, counts = _left_out(tree), Counter(each.kind for each in tree.unread)
    ordered = {each.reason: tree.counts.get(each.reason, 0) + counts[each.reason] for each in left_out}
    return Discovery(references, tree.unread, weights, left_out, ordered)


def _left_out(tree: Tree) -> tuple[LeftOut, ...]:
    """List what was not searched, by the kind of reason as the record has them, then by path."""
    found = {*tree.left_out, *(LeftOut(path=each.file, reason=each.kind) for each in tree.unread)}
    order = get_args(LeftOutReason)
    return tuple(sorted(found, key=lambda each: (order.index(each.reason), each.path)))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the search for garbage: syntax trees are many objects that all stay, and each search visits all of them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(tree: Tree) -> Iterator[Reference]:
    """Read each text of a tree by its parser."""
    for file in tree.files:
        parser = parser_of(file)
        text = tree.text(file, expected=parser is not None)
        if text is None:
            continue
        parser = parser or _by_first_line(text) or any_text
        found: list[Reference] = []
        try:
            found.extend(islice(parser(text, tree), MAX_REFERENCES))
        except RecursionError:  # what was found before it is kept
            tree.report(file, "the source nests too deep to be read as a whole")
        if len(found) == MAX_REFERENCES:
            tree.report(file, f"the file names models {MAX_REFERENCES:,} times or more; the others were not read")
        yield from found
        if not file.lower().endswith(PROSE):
            yield from addresses_elsewhere(text)
    yield from labelled_references(tree)


def _by_first_line(text: Text) -> Parser | None:
    match = _PROGRAM.match(text.body)
    return parser_of_program(match[1]) if match else None


def _listed(listed: Iterable[Listed]) -> Iterator[Reference]:
    """Make the references of the project file's models."""
    for each in listed:
        yield Reference(
            model=each.model,
            canonical=canonical(each.model),
            revision=each.revision,
            pinned=is_commit(each.revision),
            grade="certain",
            file=each.file,
            line=each.line,
            column=each.column,
        )


def _unlisted(references: Iterable[Reference], listed: Sequence[Listed]) -> Iterator[Reference]:
    """Leave out what a parser read of the lines that the project file's own reader has read."""
    lines = {(each.file, each.line) for each in listed}
    return (each for each in references if (each.file, each.line) not in lines)
