"""The answer to `fingerprint`: each weight group with its digests and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import cost_words, counted, dated, large, listed, short, size
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, columns, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.fingerprint import FingerprintAnswer, FingerprintedGroup
    from lineage_schemas.digests import Digests

SHOWN_FILES = 20

FLAGS = {
    "pickle": "a pickle: loading one can run code, so that it is read as data and never executed",
    "pickle-calls": "its pickle calls what no plain checkpoint needs",
    "known-by-sha256": "identified by its hash only; its tensors were not read",
    "incomplete-shards": "shards are missing",
    "data-unread": "other files may hold its tensors: what names them was not read",
}


def fingerprint(answer: FingerprintAnswer) -> Document:
    """Write every weight group of a target."""
    revision = f" at {short(answer.revision)}" if answer.revision else ""
    lines = [line(strong(answer.target), dim(f"{revision} · level {answer.level} · {cost_words(answer.cost)}"))]
    if not answer.groups:
        lines.append(line("No weight files."))
    for group in answer.groups:
        lines += [EMPTY, *_group(group)]
    end = [*note_lines(answer.notes), *unchecked_lines(answer.unchecked)]
    return [*lines, *end, EMPTY, line(dim(dated(answer)))]


def digest_lines(digests: Digests, *, indent: str) -> list[Line]:
    """Write the digests that the level gives; the prefix of each is its format."""
    known = (digests.weights, digests.content, digests.layout, digests.files)
    return [line(digest, indent=indent) for digest in known if digest]


def _group(group: FingerprintedGroup) -> list[Line]:
    facts = [group.format, counted(len(group.files), "file")]
    if group.tensor_count is not None:
        facts.append(counted(group.tensor_count, "tensor"))
    if group.parameter_count is not None:
        facts.append(f"{large(group.parameter_count)} parameters")
    if group.dtypes:
        facts.append(listed([f"{dtype} ×{number}" for dtype, number in group.dtypes.items()], 4))
    main = "" if not group.main else f" (main, loaded by {group.loader})" if group.loader else " (main)"
    lines = [line(strong(group.group), f"{main} · {', '.join(facts)}")]
    lines += [line(f"! {_flag(flag, group)}", indent="  ") for flag in group.flags]
    lines += digest_lines(group.digests, indent="  ")
    lines += _sample(group)
    rows = [(dim(file.identity or "hash unknown"), file.path, dim(size(file.size))) for file in group.files]
    lines += columns(rows[:SHOWN_FILES], indent="  ")
    if len(rows) > SHOWN_FILES:
        lines.append(line(dim(f"… {len(rows) - SHOWN_FILES:,} more files; --format json lists all"), indent="  "))
    return [*lines, *_declares(group)]


def _sample(group: FingerprintedGroup) -> list[Line]:
    """Write what a sample of the values covers and costs; a sample of nothing says why."""
    sample = group.sample
    if sample is None:
        return []
    lines = [line(sample.arch, indent="  ")] if sample.arch else []
    lines += [line(sample.digest, indent="  ")] if sample.digest else []
    kinds = {"strips": sample.strips, "squares": sample.squares, "vectors": sample.vectors}
    covers = ", ".join(f"{each.taken} of {each.offered} {kind}" for kind, each in kinds.items() if each.offered)
    cost = f"{size(sample.bytes)} in {counted(sample.requests, 'range')}"
    verb = "sample" if sample.digest else "a sample would take"
    if sample.problem:
        lines.append(line(f"! not sampled: {sample.problem}", indent="  "))
    elif covers:
        lines.append(line(dim(f"{verb}: {covers} · {cost}"), indent="  "))
    if sample.unread:
        name, reason = next(iter(sample.unread.items()))
        more = f" and {len(sample.unread) - 1} more" if len(sample.unread) > 1 else ""
        lines.append(line(dim(f"no values: {name}{more} ({reason})"), indent="  "))
    if sample.scale_problem:
        lines.append(line(f"! the adapter's scale is not known: {sample.scale_problem}", indent="  "))
    return lines


def _flag(flag: str, group: FingerprintedGroup) -> str:
    """Write a flag, with what belongs to it: the reason, or the names."""
    text = FLAGS.get(flag, flag)
    if flag == "known-by-sha256" and group.unread:
        return f"{text}: {group.unread}"
    return f"{text}: {listed(list(group.calls), 4)}" if flag == "pickle-calls" else text


def _declares(group: FingerprintedGroup) -> list[Line]:
    """Summarise the metadata in the file; the JSON answer has all of it."""
    if not group.declares:
        return []
    rows = [f"{key}={value}" for key, value in group.declares.items() if isinstance(value, str | int | float)]
    shown = [row if len(row) <= 60 else row[:59] + "…" for row in rows]
    return [line(dim(f"metadata: {listed(shown, 6)}"), indent="  ")] if shown else []
