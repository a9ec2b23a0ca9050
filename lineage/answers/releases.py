"""Declared releases of a line: tags, and revisions at which the card has a new version or DOI."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.answers.line_states import LineStates
from lineage.answers.release_notes import noted_facets, strongest, unjudged_files
from lineage.versioning.announced import Announced
from lineage.versioning.behaviour import behaviour_facets
from lineage.versioning.facets.files import config_paths
from lineage.versioning.facets.side import CARD
from lineage.versioning.line import UNDATED, pushes
from lineage.versioning.named_versions import card_identities
from lineage.versioning.numbers import Number, read_number
from lineage.versioning.signals import HUB_DOI, tags_by_commit
from lineage.versioning.tags import first_targets, other_targets, with_first_targets
from lineage_schemas.answers.history import Release, ReleaseParts
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.hub.interface import Hub
    from lineage_schemas.change import Change
    from lineage_schemas.facet import Facet


@dataclass(frozen=True)
class _Declared:
    """Hold one position of a line at which a release is declared, by which texts, and its version if one is read."""

    position: int
    names: tuple[str, ...]
    number: Number | None
    is_ambiguous: bool


def releases_of(
    hub: Hub, recorded: RecordedLine, announced: Sequence[Announced], cards: Mapping[str, str], before: Collection[str]
) -> tuple[Release, ...]:
    """List the declared releases of a line, oldest first, each with what changed since the one before.

    `cards` are stored texts by identity, `before` the repositories that are the version before this one.
    """
    declared = _declared(recorded, announced, cards)
    commits = [recorded.line.commits[each.position].id for each in declared]
    states = LineStates(hub, recorded.line, commits)
    cut = pushes(recorded.line, lambda path: False)
    found = []
    last: _Declared | None = None
    for each in declared:
        start = last.position if last else -1
        since = [change for change in recorded.changes if start < _end(recorded, change) <= each.position]
        counting = [change for change in since if change.counts]
        facets, unjudged = _between(states, recorded, last, each)
        commit = recorded.line.commits[each.position]
        found.append(
            Release(
                version=each.number.shown if each.number else None,
                names=each.names,
                revision=commit.id,
                date=commit.date if commit.date != UNDATED else None,
                pushes=sum(start < push.last <= each.position for push in cut),
                changes=len(counting),
                weights=strongest(counting),
                verdicts=dict(sorted(Counter(change.verdict for change in counting if change.verdict).items())),
                changed=noted_facets(facets),
                unjudged=unjudged,
                parts=_parts(states, commit.id, each, last, before),
            )
        )
        last = each
    return tuple(found)


def _end(recorded: RecordedLine, change: Change) -> int:
    """Return the position of the last commit of a change."""
    position = recorded.line.position(change.revisions[-1])
    return -1 if position is None else position


def _declared(recorded: RecordedLine, announced: Sequence[Announced], cards: Mapping[str, str]) -> list[_Declared]:
    """Find the positions with a tag, a new card version or a new DOI."""
    names: dict[int, list[str]] = {}
    tags = tags_by_commit(with_first_targets(recorded.history, first_targets(recorded.tags)))
    for position, arrived in enumerate(recorded.line.arrived):
        names[position] = [f"the tag {tag}" for commit in arrived for tag in tags.get(commit.id, ())]
    numbers: dict[int, Number] = {}
    for each in announced:
        if each.by == "card":
            names[each.position].append(f"the card ({each.source})")
        if each.by != "name":
            numbers[each.position] = each.number
    for position, doi in _new_dois(recorded, cards):
        names[position].append(f"the DOI {doi}")
    moved = {tag.name.removeprefix("refs/tags/") for tag in recorded.tags if tag.vanished or other_targets(tag)}
    by_number = [(position, read_number(name.removeprefix("the tag "))) for position, all_names in names.items()
                 for name in all_names if name.startswith("the tag ")]  # fmt: skip
    return [
        _Declared(
            position,
            tuple(texts),
            numbers.get(position),
            is_ambiguous=any(text.removeprefix("the tag ") in moved for text in texts)
            or _is_elsewhere(position, numbers.get(position), by_number),
        )
        for position, texts in names.items()
        if texts
    ]


def _is_elsewhere(position: int, number: Number | None, tagged: Iterable[tuple[int, Number | None]]) -> bool:
    """Return whether another commit has a tag with the same number."""
    return number is not None and any(
        other is not None and at != position and number.same_as(other) for at, other in tagged
    )


def _new_dois(recorded: RecordedLine, cards: Mapping[str, str]) -> list[tuple[int, str]]:
    """Find the positions at which a card has a DOI of the Hub that the card before did not have."""
    found: list[tuple[int, str]] = []
    had: set[str] = set()
    for position, identity in enumerate(card_identities(recorded.line)):
        card = cards.get(identity or "")
        if card is not None:
            has = set(HUB_DOI.findall(card))
            found += [(position, doi) for doi in sorted(has - had)]
            had = has
    return found


def _between(
    states: LineStates, recorded: RecordedLine, last: _Declared | None, now: _Declared
) -> tuple[tuple[Facet, ...], tuple[Unchecked, ...]]:
    """Judge the facets between two releases; nothing is compared for the first one."""
    if last is None:
        return (), ()
    one, other = (recorded.line.commits[each.position].id for each in (last, now))
    if not (states.has(one) and states.has(other)):
        return (), (Unchecked(what=f"files from {one[:12]} to {other[:12]}", reason=states.unknown),)
    facets = states.facets(one, other)
    return facets, tuple(unjudged_files(recorded.line.model, behaviour_facets(facets), one, other))


def _parts(
    states: LineStates, commit: str, now: _Declared, last: _Declared | None, before: Collection[str]
) -> ReleaseParts:
    """Find which parts of a release are there."""
    version = now.number is not None and not now.is_ambiguous
    if not states.has(commit):
        return ReleaseParts(version=version, weights=None, configuration=None, documentation=None, datasets=None,
                            earlier_release=None)  # fmt: skip
    side = states.side(commit)
    snapshot = side.snapshot
    text = snapshot.card_text
    has_card = CARD in side.files
    unknown = has_card and text is None
    body = (text or "").rpartition("\n---")[2] if (text or "").lstrip().startswith("---") else text or ""
    datasets = bool((snapshot.card or {}).get("datasets")) or "huggingface.co/datasets/" in (text or "")
    linked = any(name in (text or "") for name in before)
    linked = linked or (last is not None and any(_is_in(body, _bare(name)) for name in last.names))
    return ReleaseParts(
        version=version,
        weights=side.main is not None,
        configuration=any(path in side.files for path in config_paths(side.files)),
        documentation=None if unknown else bool(body.strip("- \n")),
        datasets=None if unknown else datasets,
        earlier_release=None if unknown or not (before or last) else linked,
    )


def _is_in(text: str, name: str) -> bool:
    """Return whether a text has a tag, version or DOI as a word of its own; a single number only as `v2`."""
    written = f"v{name}" if name.isdigit() else name
    return re.search(rf"(?<![\w.]){re.escape(written)}(?!\w|\.\d)", text) is not None


def _bare(name: str) -> str:
    """Take the kind of declaration from the name of a release: the tag, the version or the DOI itself."""
    bare = name.removeprefix("the tag ").removeprefix("the DOI ").removeprefix("the card (").removesuffix(")")
    return bare.rpartition(": ")[2]
