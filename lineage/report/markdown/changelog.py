"""A history as the changelog that its publisher did not write: versions, newest first, with what changed in each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.report import facets, notes
from lineage.report.markdown.write import code, document, prose
from lineage.report.phrases import counts_words, dated, short, undecided

if TYPE_CHECKING:
    from lineage_schemas.answers.history import HistoryAnswer, HistoryLine, HistoryRow

SAID = {
    "silent": "Nothing announced this change.",
    "documented": "A text announced this change, without a version.",
    "versioned": "",
    "unchecked": "It is not known whether something announced this change.",
}


def changelog(answer: HistoryAnswer) -> str:
    """Write the versions of each branch; with declared releases, these instead of the pushes."""
    blocks: list[list[str]] = [[f"# Changelog of {code(answer.model)}"]]
    for each in answer.lines:
        if len(answer.lines) > 1:
            blocks.append([f"Branch {code(each.branch.removeprefix('refs/heads/'))}"])
        blocks += list(_releases(each) if each.releases is not None else _versions(each))
    before = [each for each in answer.other_versions if not each.is_next]
    if before:
        blocks.append([f"Earlier versions: {', '.join(code(each.model) for each in before)}"])
    blocks.append([f"<!-- {prose(dated(answer, answer.model))} -->"])
    return document(*blocks)


def _versions(each: HistoryLine) -> Iterator[list[str]]:
    rows = each.rows or ()
    for row in reversed(rows):
        yield _heading(row)
        yield [f"- {_item(words)}" for words in notes.changed(row)] or ["- Nothing that can be named."]
        said = SAID.get(notes.verdict(row) or "", "")
        if said:
            yield [f"*{said}*"]
    if not rows:
        yield ["No push changed weights or behaviour."]
    yield [counts_words(each.counts, undecided(push.change for push in each.pushes if push.change))]


def _heading(row: HistoryRow) -> list[str]:
    when = f" – {row.end:%Y-%m-%d}" if row.end else ""
    note = "" if row.announced else " (not announced)"
    number = "Unknown version" if row.version is None else prose(row.version)
    return [f"## {number}{note}{when}", "", f"{code(short(row.revision))} {prose(row.title)}".rstrip()]


def _releases(each: HistoryLine) -> Iterator[list[str]]:
    for release in reversed(each.releases or ()):
        when = f" – {release.date:%Y-%m-%d}" if release.date else ""
        yield [f"## {prose(notes.names(release))}{when}", "", f"{code(short(release.revision))}"]
        yield [f"- {_item(words)}" for words in notes.release_words(release)]
    if not each.releases:
        yield ["No release is declared."]


def _item(words: str) -> str:
    """Write one item; what was quoted from files after the name of a facet is code, so that nothing is escaped."""
    name, colon, quoted = words.partition(": ")
    start = prose(name[:1].upper() + name[1:])
    return (
        f"{start}: {code(quoted)}" if colon and name in facets.NAMES.values() else prose(words[:1].upper() + words[1:])
    )
