"""The answer to `name`: one name part by part, or one line per name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.text import EMPTY, Document, Line, Span, columns, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.name import NamesAnswer, ReadName
    from lineage_schemas.model_name import NameVersion

NAME_WIDTH = 36

CONVENTION_WIDTH = 40

TEXT_WIDTH = 70


def names(answer: NamesAnswer) -> Document:
    """Explain one name in full; list several with their convention, version and what is missing."""
    if len(answer.names) == 1:
        return _explained(answer.names[0])
    head = tuple(dim(title) for title in ("name", "version", "missing", "convention"))
    rows = [
        (
            strong(cut(name.model, NAME_WIDTH)),
            _version(name.version) if name.version else "–",
            Span(str(len(name.missing)), "warn" if name.missing else "good"),
            cut(name.convention, CONVENTION_WIDTH),
        )
        for name in answer.names
    ]
    problems = [line(Span("! ", "bad"), cut(n.model, NAME_WIDTH), f": {n.problem}") for n in answer.names if n.problem]
    return [*columns([head, *rows]), *([EMPTY, *problems] if problems else [])]


def _explained(name: ReadName) -> Document:
    rows: list[tuple[str | Span, str | Span]] = [
        (dim(segment.type.replace("-", " ")), cut(segment.text, TEXT_WIDTH)) for segment in name.segments
    ]
    facts: list[tuple[str | Span, str | Span]] = [
        (dim("convention"), cut(name.convention, TEXT_WIDTH) or "–"),
        (dim("version"), _version(name.version) if name.version else "none of its own"),
        *((dim("of the base"), _version(version)) for version in name.base_versions),
        (dim("missing"), _missing(name)),
        (dim("conforming"), name.conforming or "–"),
    ]
    found: list[Line] = [line(strong(cut(name.model, TEXT_WIDTH)))]
    found += columns(rows, indent="  ") if rows else [line("it has no segments", indent="  ")]
    found += [EMPTY, *columns(facts, indent="  ")]
    if name.problem:
        found += [EMPTY, line(Span("! ", "bad"), f"not the id of a model: {name.problem}")]
    return found


def _version(version: NameVersion) -> str:
    return f"{cut(version.text, 14)} ({version.kind})"


def _missing(name: ReadName) -> str | Span:
    if not name.missing:
        return Span("nothing", "good")
    return Span(", ".join(type_.replace("-", " ") for type_ in name.missing), "warn")
