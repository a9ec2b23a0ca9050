"""Phrases for dates, sizes, counts, signals and evidence, shared by all text formats."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage.report.text import cut

if TYPE_CHECKING:  # for annotations only: importing these modules would slow down every command
    from lineage_schemas.answers.answer import Answer
    from lineage_schemas.answers.check import ChangeCounts, PaperDefinition, WeightChange
    from lineage_schemas.answers.diff import TensorsDiff, WeightsDiff
    from lineage_schemas.answers.history import MovedTag
    from lineage_schemas.answers.trace import TraceAnswer, TracedDerivation, TracedEvidence
    from lineage_schemas.cost import Cost
    from lineage_schemas.licence import LicenceComparison, LicenceTerm
    from lineage_schemas.pointer import Pointer
    from lineage_schemas.version_signal import VersionSignal

ABOUT_WEIGHTS = ("content.", "structure.", "numeric.", "family.")
"""How the ids of the rules begin that compare weights."""

NOTHING_FOUND = "no place was found that loads a model"

BYTES_NOT_COMPARED = "the bytes were not compared: a cast, a repair and a retraining look the same"
"""What the user has to know about a change of the kind `replaced`."""

SIGNALS = {
    "tag": "tag",
    "card_field": "card field",
    "branch": "branch",
    "new_version": "next version",
    "name": "the repository's name",
    "commit_title": "commit title",
    "changelog": "changelog",
    "doi": "DOI",
    "commit_message": "commit message",
    "card_text": "card",
    "changelog_text": "changelog",
}
"""The name of each kind of version signal and of documentation."""

REASONS = {
    "gated": "gated: this token has no access to its files",
    "missing": "missing: not on the Hub, or private",
    "offline": "not read: offline",
    "unreachable": "not read: the Hub did not respond",
    "rate_limited": "not read: the Hub's rate limit was exceeded",
    "limit": "not followed: the limit was reached (--depth, --max-models)",
    "partial": "not read whole: some of its files are not here or are broken",
    "error": "not read because of an error",
}
"""Why a model was not read, by the reason of `incomplete`."""

LICENCE_TERMS = {
    "commercial_use": "commercial use",
    "derivatives": "derivatives",
    "attribution": "attribution",
    "notice": "licence text or notice",
    "share_alike": "same licence for derivatives",
    "naming_duty": "naming duty",
    "acceptable_use": "acceptable-use policy",
    "user_threshold": "limit on users",
}
"""What each term of a licence is called."""

LICENCE_RELATIONS = {
    "same": "their terms do not differ",
    "narrower": "permits less or demands more",
    "wider": "permits more or demands less",
    "other": "narrower in some terms, wider in others",
    "unknown": "not all terms are known",
}
"""What each relation of the later licence to the earlier one means."""

SHOWN_SIGNALS = 3
"""Announcements shown per change: a change may have dozens."""

KIND_MEANINGS = {
    "equal": "the same files",
    "reserialised": "the same parameters in different files",
    "renamed": "the same parameters under different names",
    "partial": "some tensors differ",
    "retrained": "all tensors differ",
    "reshaped": "different tensors or shapes",
    "cast": "the same values, rounded to another dtype",
    "requantised": "the same parameters, quantised differently",
    "replaced": "different files",
    "unknown": "could not be compared",
}
"""What each outcome of comparing two groups of weights means."""

REPLACED = {
    "bytes": "different tensors, stored in different types",
    "layout": "different files; only their headers were compared",
    None: "different files; their tensors were not compared",
}
"""What is known of replaced weights, by how their tensors were compared."""

COMMIT_DIGITS = 8


def short(revision: str | None) -> str:
    """Shorten a commit id to its first digits; return anything else unchanged."""
    if not revision:
        return "?"
    prefix, colon, digits = revision.rpartition(":")
    is_id = len(digits) >= 32 and all(digit in "0123456789abcdef" for digit in digits)
    return prefix + colon + digits[:COMMIT_DIGITS] if is_id else revision


def at(model: str, revision: str | None) -> str:
    """Write a model with the revision, where one is known."""
    return f"{model}@{short(revision)}" if revision else model


def span_of(revisions: Sequence[str]) -> str:
    """Write a push as its first and last commit."""
    if not revisions:
        return "?"
    first, last = short(revisions[0]), short(revisions[-1])
    return first if len(revisions) == 1 else f"{first}..{last}"


def moment(when: datetime) -> str:
    """Write a moment in UTC, to the minute."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if when.tzinfo else when.strftime("%Y-%m-%d %H:%M")


def period(start: datetime | None, end: datetime | None) -> str:
    """Write a period in UTC, the date once where it is one day."""
    if start is None or end is None or not start.timestamp():  # a record that needs a date has 1970 for none
        return "date unknown"
    first, last = moment(start), moment(end)
    if first == last:
        return first
    return f"{first}–{last[11:]}" if first[:10] == last[:10] else f"{first} – {last}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: `1 file`, `1,024 files`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def shortened(text: str) -> str:
    """Shorten the commit ids and hashes inside a text; the JSON answer has them in full."""
    return re.sub(r"(?<![0-9a-f])[0-9a-f]{40,64}(?![0-9a-f])", lambda found: found[0][:COMMIT_DIGITS], text)


def size(count: int | None) -> str:
    """Write a number of bytes in decimal units, as the Hub does."""
    if count is None:
        return "? B"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def large(number: int) -> str:
    """Write a number of parameters as people name models: `7.2 B`."""
    for limit, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= limit:
            return f"{number / limit:.2f} {unit}"
    return str(number)


def share(part: float | None) -> str:
    """Write a share as a percentage, or `no share` for None."""
    return "no share" if part is None else f"{part * 100:.1f} %"


def listed(items: Sequence[str], limit: int, *, more: str = "more") -> str:
    """Join the first items and count the rest."""
    rest = len(items) - limit
    return ", ".join(items[:limit]) + (f", … {rest:,} {more}" if rest > 0 else "")


def announcement(signal: VersionSignal) -> str:
    """Describe one announcement: its kind, its text and its revision."""
    return f"{SIGNALS.get(signal.kind, signal.kind)} “{cut(signal.value, 60)}” at {short(signal.revision)}"


def no_announcement() -> str:
    """Describe a silent change by everything that could have announced it."""
    return "no tag, card field, commit message or changelog announces it"


def tag_places(tag: MovedTag) -> str:
    """Write where a tag was and is: `c0ffee00 (read on 2024-05-02), now beef0011`."""
    dates = [f" (read on {each.first_read:%Y-%m-%d})" if each.first_read else "" for each in tag.former]
    was = [short(each.target) + date for each, date in zip(tag.former, dates, strict=True)]
    return f"{', '.join(was)}, now {short(tag.target) if tag.target else 'removed'}"


def location(pointer: Pointer, *, model: str | None = None) -> str:
    """Write a pointer: file and field or tensor, with model and revision unless it points into `model`."""
    parts = [pointer.file or "", pointer.field or "", f"tensor {pointer.tensor}" if pointer.tensor else ""]
    inside = " ".join(part for part in parts if part)
    outside = at(pointer.model, pointer.revision) if pointer.model != model else ""
    return f"{inside} of {outside}" if inside and outside else inside or outside


def evidence_words(evidence: TracedEvidence, known: Collection[str | None]) -> str:
    """Describe one piece of evidence: the field or tensor, and its value unless that is in `known`."""
    words = evidence.pointer.field or evidence.pointer.tensor or ""
    if evidence.value is None or evidence.value.strip() in {"", *known}:
        return words
    return f"{words} “{cut(evidence.value, 40)}”".strip()


def evidence_list(edge: TracedDerivation) -> str:
    """Summarise the evidence for an edge; evidence against it comes first and is marked.

    Of what the weights show, `decided_by` stands for all.
    """
    shown = [each for each in edge.evidence if edge.decided_by is None or not each.rule.startswith(ABOUT_WEIGHTS)]
    against = _by_file([each for each in shown if each.supports is False], edge)
    others = _by_file([each for each in shown if each.supports is not False], edge)
    parts = [f"against it: {'; '.join(against)}"] if against else []
    return "; ".join(parts + others) or ("not declared" if edge.decided_by else "no evidence recorded")


def _by_file(evidence: Iterable[TracedEvidence], edge: TracedDerivation) -> list[str]:
    """Name each file once with its fields, and its model where that is not the child; without a file, its rule."""
    known = (edge.parent, edge.relation, edge.relation_declared, edge.method)
    fields: dict[str, list[str]] = {}
    for each in evidence:
        file = "card" if each.pointer.file == "README.md" else each.pointer.file or each.rule
        if each.pointer.model != edge.child:
            file += f" of {each.pointer.model}"
        fields.setdefault(file, []).append(evidence_words(each, known))
    words = {file: listed(list(dict.fromkeys(filter(None, found))), 3) for file, found in fields.items()}
    return [f"{file} {found}".strip() for file, found in words.items()]


def relation_words(edge: TracedDerivation) -> str:
    """Describe how a child derives: relation, method if it adds something, declared relation if it differs."""
    method = edge.method if edge.method != "unknown" else None
    words = edge.relation or method or "relation unknown"
    if edge.relation and method and method != edge.relation:
        words += f" ({method})"
    if edge.relation_declared and edge.relation_declared != edge.relation:
        words += f", declared as {edge.relation_declared}"
    return words


def status_words(edge: TracedDerivation) -> str:
    """Write the status of an edge, with the confidence if something was measured."""
    return edge.status if edge.confidence is None else f"{edge.status} {rounded_down(edge.confidence)}"


def rounded_down(confidence: float) -> str:
    """Write a confidence with two digits, rounded down: 0.996 is not certain, and 1.00 would say so."""
    return f"{int(confidence * 100 + 1e-9) / 100:.2f}"


def verdict_words(change: WeightChange) -> str | None:
    """Write whether a change was announced; None where that is not asked because it does not count."""
    return change.verdict or ("unchecked" if change.counts else None)


def replaced_at_first(changes: Iterable[WeightChange]) -> int:
    """Count the files that were replaced within the push of a first upload: its last content counts as the first."""
    return sum(len(change.replacements) for change in changes if change.kind == "first_upload")


def within_first_push(files: int) -> str:
    """Write how many files were replaced within the first push."""
    return f"{counted(files, 'file')} {'was' if files == 1 else 'were'} replaced within the first push"


def undecided(changes: Iterable[WeightChange]) -> int:
    """Count changes of which it is not known whether they were announced."""
    return sum(verdict_words(change) == "unchecked" for change in changes)


def counts_words(counts: ChangeCounts, unknown: int, *, unsure: bool = False) -> str:
    """Write how many changes count and how they were announced; of `unknown` ones that is not known."""
    number = counts.after_first_upload + unknown
    if number == 0:
        return "No weight change that counts is known." if unsure else "No weight change counts."
    verb = "counts" if number == 1 else "count"
    verdicts = f"{counts.versioned:,} versioned, {counts.documented:,} documented, {counts.silent:,} silent"
    if unknown:
        verdicts += f", {unknown:,} unchecked"
    return f"{counted(number, 'weight change')} {verb}: {verdicts}."


def paper_words(paper: PaperDefinition) -> tuple[str, ...]:
    """Describe the two other ways to count; nothing if no file changed."""
    if not paper.all_file_changes:
        return ()
    touching = (
        f"{paper.model_file_changes:,} of {paper.all_file_changes:,} file changes touch model files "
        f"({share(paper.share)}), first uploads included"
    )
    if not paper.model_file_changes:
        return (touching,)
    of = f"{paper.not_in_name:,} of these {paper.model_file_changes:,}"
    return touching, f"{of} are not announced by a version in the repository's name"


def touched(change: WeightChange) -> str:
    """Describe how much a push touched: files, groups if there are several, commits."""
    files = len({file for group in change.groups for file in group.files})
    words = counted(files, "file")
    if len(change.groups) > 1:
        words += f" of {counted(len(change.groups), 'group')}"
    return words + (f" in {counted(len(change.revisions), 'commit')}" if len(change.revisions) > 1 else "")


def dated(answer: Answer, *models: str) -> str:
    """Write which Hub an answer is about, whether it was asked, and when what the answer says was read.

    The answer's Hub determines how ids are written. `models` are the ids that the answer is about: one that is on
    another Hub, such as a local folder, is written with that Hub's name, `dir-wt-bbe8cf78:wt`, and was read there.
    """
    hubs = [hub if colon else answer.hub for hub, colon, _ in (model.rpartition(":") for model in models)]
    names = list(dict.fromkeys(hub for hub in hubs or [answer.hub] if hub))
    shown = [f"{hub} (not asked)" if hub == answer.hub and not answer.hub_asked else hub for hub in names]
    hub = ", ".join(shown) or "no Hub was used"
    return hub if answer.collected_at is None else f"{hub}, read {moment(answer.collected_at)} UTC"


def were_read(answer: TraceAnswer) -> list[str]:
    """List the models of a traced graph that were read at some time; the root if there are none."""
    return [model.id for model in answer.models if model.revision] or [answer.root]


def kind_words(weights: WeightsDiff) -> str:
    """Explain the kind of a difference, and for replaced weights how they were compared."""
    if weights.kind == "replaced":
        return REPLACED[weights.tensors.compared if weights.tensors else None]
    return KIND_MEANINGS[weights.kind]


def tensor_summary(tensors: TensorsDiff, *, cast: bool) -> str:
    """Describe how tensors were compared and how many are equal; those of a cast are equal except for rounding."""
    if cast:
        same = f", {tensors.equal:,} equal byte by byte" if tensors.equal else ""
        return f"tensors: {len(tensors.changed):,} hold the same values, rounded to another dtype{same}"
    basis = "by their bytes" if tensors.compared == "bytes" else "by name, dtype and shape only"
    return f"tensors, compared {basis}: {tensors.equal:,} equal"


def cost_words(cost: Cost) -> str:
    """Write how many bytes were read, in how many requests; the ranges of a sample are counted apart."""
    read = f"{size(cost.bytes_read)} read"
    if cost.local:
        return f"{read} on this machine"
    failed = f", {cost.failed:,} more failed" if cost.failed else ""
    ranges = f" and {counted(cost.ranges, 'range')}" if cost.ranges else ""
    return f"{read} in {counted(cost.requests, 'request')}{ranges}{failed}"


def licence_words(found: LicenceComparison) -> str:
    """Say what a relation means, or why it is unknown."""
    return found.reason or LICENCE_RELATIONS[found.relation]


def licence_term(term: LicenceTerm) -> tuple[str, str, str]:
    """Return what a term is called, and its value before and after."""
    return LICENCE_TERMS[term.term], _term_value(term.before), _term_value(term.after)


def _term_value(value: str) -> str:
    """Write the values of a term; a number is a number of users in a month."""
    return " or ".join(
        f"up to {int(each):,} users a month" if re.fullmatch(r"[0-9]{1,15}", each) else each
        for each in value.split(" or ")
    )
