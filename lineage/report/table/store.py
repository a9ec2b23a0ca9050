"""The answers to the subcommands of `store`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import counted, size
from lineage.report.text import EMPTY, Document, Line, Span, columns, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.store import (
        Contents,
        StoreCheckAnswer,
        StoreCopyAnswer,
        StoreExportAnswer,
        StoreForgetAnswer,
        StoreImportAnswer,
        StoreInfoAnswer,
        StoreRederiveAnswer,
    )

SHOWN_MODELS = 20
"""Models that a report lists; the JSON answer has all of them."""


def store_info(answer: StoreInfoAnswer) -> Document:
    """Write where a store is, and how many nodes and edges of each kind it holds."""
    facts = f"{answer.backend}, schema {answer.schema_version}"
    if answer.size_bytes is not None:
        facts += f", {size(answer.size_bytes)}"
    where = answer.backend
    if answer.server:
        where += f", {answer.server}" + (f", database {answer.database}" if answer.database else "")
        facts += where.removeprefix(answer.backend)
    if answer.note:
        return [line(strong(answer.url), f" · {where}"), line(Span(answer.note, "warn"), indent="  ")]
    lines = [line(strong(answer.url), f" · {facts}"), *_counts(answer.nodes, answer.edges, answer.attachments)]
    return [*lines, line(dim("size"), f"  {answer.size_note}", indent="  ")] if answer.size_note else lines


def _counts(nodes: dict[str, int], edges: dict[str, int], attachments: dict[str, int] | None = None) -> list[Line]:
    lines = []
    kinds = (("nodes", nodes), ("edges", edges), *((("attachments", attachments),) if attachments else ()))
    for title, every in kinds:
        counts = {kind: number for kind, number in every.items() if number} or every
        lines.append(line(dim(title), indent="  "))
        width = max((len(f"{number:,}") for number in counts.values()), default=0)
        lines += columns([(f"{number:,}".rjust(width), kind) for kind, number in counts.items()], indent="    ")
    return lines


def store_forget(answer: StoreForgetAnswer) -> Document:
    """Write what was deleted, of which models the name stays, and what was not in the store."""
    counts = [counted(len(answer.forgotten), "model")] if answer.forgotten or not answer.products else []
    deleted = ", ".join([*counts, *([counted(len(answer.products), "product")] if answer.products else [])])
    lines = [line(strong(answer.store), f" · {deleted} deleted")]
    names = {
        model: " · its name stays, because other models derive from it or a product uses it"
        for model in answer.kept_as_stub
    }
    lines += [line(f"deleted  {model}", dim(names.get(model, "")), indent="  ") for model in answer.forgotten]
    lines += [line(f"deleted  the product {name}", indent="  ") for name in answer.products]
    lines += [line(Span("not in the store", "warn"), f"  {model}", indent="  ") for model in answer.not_found]
    return lines


def store_copy(answer: StoreCopyAnswer) -> Document:
    """Write what was copied, and that both stores were compared."""
    before = f", {answer.already_there:,} already there" if answer.already_there else ""
    return [
        line(
            strong(answer.source), " → ", strong(answer.target), f" · {counted(answer.written, 'row')} written{before}"
        ),
        *_contents(answer.contents),
        line(Span("✓", "good"), " both stores have the same counts and digests", indent="  "),
    ]


def store_export(answer: StoreExportAnswer) -> Document:
    """Write where the graph was exported, and the command that imports it."""
    lines = [
        line(strong(answer.store), " → ", strong(answer.path), f" · {answer.file_format}"),
        *_contents(answer.contents),
    ]
    if answer.command is not None:
        lines += [EMPTY, line(dim("To import it:"))]
        *continued, last = answer.command.split("\\\n")
        lines += [line(f"{each}\\", hang="") for each in continued] + [line(last, hang="")]
    return lines


def store_import(answer: StoreImportAnswer) -> Document:
    """Write what was imported, and whether the store equals the file."""
    lines = [line(strong(answer.path), " → ", strong(answer.store)), *_contents(answer.contents)]
    if answer.equal is None:
        return [*lines, line(dim("not compared with the file: the store was not empty before"), indent="  ")]
    if answer.equal:
        return [*lines, line(Span("✓", "good"), " the store and the file have the same digests", indent="  ")]
    return [*lines, line(Span("✗", "bad"), " the store differs from the file", indent="  ")]


def store_check(answer: StoreCheckAnswer) -> Document:
    """Write what is wrong in a store, by rule."""
    if answer.verdict == "clean":
        return [line(Span("✓", "good"), " ", strong(answer.store), ": no problem found")]
    total = sum(answer.counts.values())
    lines = [line(Span("✗", "bad"), " ", strong(answer.store), ": ", Span(counted(total, "finding"), "bad"))]
    for rule, number in answer.counts.items():
        listed = [each for each in answer.findings if each.id == rule]
        lines += [EMPTY, line(strong(rule), f" · {number:,}", indent="  ")]
        lines += [line(f"{each.about} · {each.message}", indent="    ") for each in listed]
        if number > len(listed):
            lines.append(line(dim(f"… {number - len(listed):,} more"), indent="    "))
    return lines


def store_rederive(answer: StoreRederiveAnswer) -> Document:
    """Write how many edges were worked out, and the models whose edges changed."""
    counts = f"{counted(answer.derivations, 'edge')} of {counted(answer.models, 'model')}"
    lines = [line(strong(answer.store), f" · {counts} worked out from the stored evidence")]
    if not answer.changed:
        return [*lines, line(Span("✓", "good"), " all edges were as stored", indent="  ")]
    lines.append(line(f"{counted(len(answer.changed), 'model')} had other edges:", indent="  "))
    lines += [line(key, indent="    ") for key in answer.changed[:SHOWN_MODELS]]
    if len(answer.changed) > SHOWN_MODELS:
        lines.append(line(dim(f"… {len(answer.changed) - SHOWN_MODELS:,} more"), indent="    "))
    return lines


def _contents(contents: Contents) -> list[Line]:
    """Write how much the graph holds, and the digest by which two stores are compared."""
    nodes = {kind: number for kind, number in contents.nodes.items() if number}
    edges = {kind: number for kind, number in contents.edges.items() if number}
    lines = _counts(nodes, edges)
    if contents.awaited:
        lines.append(line(f"{counted(contents.awaited, 'edge')} with an end that is not stored yet", indent="  "))
    if contents.attachments:
        lines.append(line(counted(contents.attachments, "attachment"), indent="  "))
    return [*lines, line(contents.digest, indent="  ")] if contents.digest else lines
