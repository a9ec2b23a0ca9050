"""The answers to `store info` and `store forget`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import counted, size
from lineage.report.text import Document, Span, columns, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answer_store import StoreForgetAnswer, StoreInfoAnswer


def store_info(answer: StoreInfoAnswer) -> Document:
    """Write where a store is and how much of what it holds."""
    facts = f"{answer.backend}, schema {answer.schema_version}"
    if answer.size_bytes is not None:
        facts += f", {size(answer.size_bytes)}"
    if answer.note:
        return [line(strong(answer.url), f" · {answer.backend}"), line(Span(answer.note, "warn"), indent="  ")]
    lines = [line(strong(answer.url), f" · {facts}")]
    for title, counts in (("nodes", answer.nodes), ("edges", answer.edges)):
        lines.append(line(dim(title), indent="  "))
        width = max((len(f"{number:,}") for number in counts.values()), default=0)
        lines += columns([(f"{number:,}".rjust(width), kind) for kind, number in counts.items()], indent="    ")
    return lines


def store_forget(answer: StoreForgetAnswer) -> Document:
    """Write which models were erased, which stay as a name, which were not there."""
    lines = [line(strong(answer.store), f" · {counted(len(answer.forgotten), 'model')} forgotten")]
    names = {model: " · its name stays: others derive from it" for model in answer.kept_as_stub}
    lines += [line(f"forgotten  {model}", dim(names.get(model, "")), indent="  ") for model in answer.forgotten]
    lines += [line(Span("not in the store", "warn"), f"  {model}", indent="  ") for model in answer.not_found]
    return lines
