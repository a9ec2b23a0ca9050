"""Words for release notes, shared by the text formats: what a push changed, its version, what a release has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report import facets
from lineage.report.phrases import counted
from lineage_schemas.change import COUNTING_KINDS

if TYPE_CHECKING:
    from lineage_schemas.answers.history import HistoryRow, NotedFacet, OtherVersion, Release, ReleaseParts

KINDS = {
    "first_upload": "first upload of weights",
    "reshaped": "weights reshaped",
    "retrained": "weights retrained",
    "partial": "weights retrained in part",
    "replaced": "weights replaced",
    "requantised": "weights quantised again",
    "cast": "weights cast to another dtype",
    "removed": "weights removed",
    "unknown": "weights changed in an unknown way",
}
"""What a push did to the weights; other kinds are not rows."""

BASIS = {"declared": "its card names it", "config": "by its config and name", "name": "by its name"}

PARTS = {
    "version": "unambiguous version",
    "weights": "weights",
    "configuration": "configuration",
    "documentation": "documentation",
    "datasets": "links to data sets",
    "earlier_release": "link to the earlier release",
}
"""What the study asks of a release."""

SHOWN_NOTES = 2
"""Changes of one facet that a row quotes."""


def version(row: HistoryRow) -> str:
    """Write the version of a row: plain if it was announced, in parentheses if it is reconstructed."""
    if row.version is None:
        return "(unknown)"
    if row.announced:
        return row.version
    return f"(≥ {row.version})" if row.at_least else f"({row.version})"


def verdict(row: HistoryRow) -> str | None:
    """Return whether a change of weights was announced, `unchecked` if that is not known; None for other rows."""
    return row.verdict or ("unchecked" if row.kind in COUNTING_KINDS else None)


def changed(row: HistoryRow) -> list[str]:
    """Write what a push changed, one text for the weights and one for each facet."""
    words = [_weights(row)] if row.kind in KINDS else []
    words += [facet_words(facet) for facet in row.changed]
    if row.unjudged:
        files = [each.what.partition(" from ")[0] for each in row.unjudged]
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        words.append(f"not judged: {files[0]}{more}")
    return words


def _weights(row: HistoryRow) -> str:
    """Write the kind of a change of weights, with what is known of the first group that has it."""
    group = next((each for each in row.groups if each.kind == row.kind), None)
    if group is None or row.kind == "first_upload":
        return KINDS[row.kind]
    note = group.note or counted(len(group.files), "file")
    return f"{KINDS[row.kind]} ({group.group}: {note})"


def facet_words(facet: NotedFacet) -> str:
    """Write the changes of one facet: `chat template: changed`, `generation defaults: temperature 1 → 0.6`."""
    words = [facets.change(each) for each in facet.changes[:SHOWN_NOTES]]
    more = len(facet.changes) + facet.more_changes - len(words)
    return f"{facets.NAMES[facet.name]}: {'; '.join(words)}" + (f"; {more:,} more" if more else "")


def names(release: Release) -> str:
    """Write a release by its version, or by what declares it."""
    return release.version or release.names[0]


def release_words(release: Release) -> list[str]:
    """Write what a release changed and which parts it has, one text for each."""
    words = []
    if release.changes:
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in release.verdicts.items())
        kind = KINDS.get(release.weights or "", "weights changed")
        words.append(f"{kind}; {counted(release.changes, 'change')} of weights ({verdicts})")
    words += [facet_words(facet) for facet in release.changed]
    words += [f"not judged: {each.what.partition(' from ')[0]}: {each.reason}" for each in release.unjudged]
    there, missing, unknown = parts(release.parts)
    words.append(f"has: {', '.join(there) or 'nothing'}")
    words += [f"lacks: {', '.join(missing)}"] if missing else []
    words += [f"not known: {', '.join(unknown)}"] if unknown else []
    return words


def parts(found: ReleaseParts) -> tuple[list[str], list[str], list[str]]:
    """Sort the parts of a release into those that are there, those that are missing, and those that are not known."""
    states = [(words, getattr(found, name)) for name, words in PARTS.items()]
    there = [words for words, state in states if state]
    missing = [words for words, state in states if state is False]
    unknown = [name for name in PARTS if getattr(found, name) is None]
    if found.documentation is not None:
        unknown = [name for name in unknown if name != "earlier_release"]  # it is the first one
    return there, missing, [PARTS[name] for name in unknown]


def other_version(each: OtherVersion) -> tuple[str, str, str]:
    """Write one repository that is the version before or after a model."""
    return "next" if each.is_next else "before", each.model, BASIS[each.basis]
