"""Findings about tags and versions: tags that moved or vanished, versions used again, cards that contradict tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from lineage.answers.findings import finding
from lineage.answers.lines import recorded_lines
from lineage.answers.weights_at import WeightsAt
from lineage.versioning.named_versions import card_identities, differing, named_versions, reused
from lineage.versioning.signals import tags_by_commit
from lineage.versioning.tags import TAGS, first_target, other_targets
from lineage.versioning.texts import CARD
from lineage.versioning.words import version_of
from lineage_schemas.answers.finding import Finding
from lineage_schemas.change import Change
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.store.interface import StoreView
    from lineage.versioning.since import Since
    from lineage_schemas.ref import Ref

BRANCHES = "refs/heads/"

MAX_NAMED = 3
"""Tags that a note names."""

NEWEST = 20
"""Tagged commits of which a note says that their cards are not known: as many as a collection keeps for certain."""


@dataclass(frozen=True)
class TaggedLine:
    """Find what the tags and cards of one line show, in a range of it.

    `since` is the range as the user wrote it, `start` its start, `changes` those of the range.
    """

    view: StoreView
    key: str
    shown: str
    recorded: RecordedLine
    since: str | None
    start: Since
    changes: tuple[Change, ...]

    def findings(self) -> list[Finding]:
        """List all findings: moved and removed tags, then versions, each by name or in order of the line."""
        return [*self._tags(), *self._reused(), *self._elsewhere(), *self._differing()]

    def notes(self) -> list[str]:
        """Say for which tagged commits the card was not compared, because its text is not in the store."""
        tagged = [(position, tags) for position, _, tags in self._tagged][-NEWEST:]
        unknown = [tag for position, tags in tagged if self._is_unknown(position) for tag in tags]
        if not unknown:
            return []
        more = f" and {len(unknown) - MAX_NAMED} more" if len(unknown) > MAX_NAMED else ""
        return [
            f"the card was not read at {', '.join(unknown[:MAX_NAMED])}{more}, so its version was not compared with "
            "the tag"
        ]

    def _tags(self) -> Iterator[Finding]:
        for tag in self.recorded.tags:
            if not self._concerns(tag):
                continue
            if tag.vanished:
                yield self._removed(tag)
            others = [each.target for each in other_targets(tag)]
            if tag.vanished and (branch := self._branches.get(tag.name.removeprefix(TAGS))) is not None:
                yield self._replaced(tag, branch)
            elif others and not self._is_accepted(tag):
                yield self._moved(tag, others)

    def _concerns(self, tag: Ref) -> bool:
        """Return whether a tag belongs to the line: each does to the whole default branch, else one that was on it."""
        heads = {ref.target for ref in self.recorded.history.refs if ref.name == self.recorded.line.branch}
        if self.recorded.is_default and self.recorded.line.commits[-1].id in heads:
            return True
        if self.recorded.line.branch.removeprefix(BRANCHES) == tag.name.removeprefix(TAGS):
            return True
        return not self._positions.keys().isdisjoint({tag.target, *(each.target for each in tag.former)})

    def _is_accepted(self, tag: Ref) -> bool:
        """Return whether the user named a commit from which on the tag is where it is now: its move is known then.

        A date, the last check and the name of a tag or a branch do not show that: nothing records when a tag moved.
        """
        if self.since is None or not (self.start.commit or "").startswith(self.since.lower()):
            return False
        now, first = (self._positions.get(commit) for commit in (tag.target, first_target(tag).commit))
        return now is not None and self.start.position >= max(now, -1 if first is None else first)

    def _moved(self, tag: Ref, others: list[str]) -> Finding:
        first, name = first_target(tag), tag.name.removeprefix(TAGS)
        if first.commit == tag.target:
            return finding(
                "moved-tag",
                f"the tag {name} was at {others[-1]} in between, and is again at {tag.target}, where it was first "
                f"recorded{_on(first.read)}",
                self._at(tag),
                severity="info",
            )
        same = self._weights.same(first.commit, tag.target)
        words = {
            True: "both hold the same weights",
            False: "their weights differ",
            None: "their weights were not compared",
        }
        now = f"was at {tag.target} last, before it was removed" if tag.vanished else f"is at {tag.target} now"
        return finding(
            "moved-tag",
            f"the tag {name} was first recorded at {first.commit}{_on(first.read)}, and {now}"
            f"{f' (first read there{_on(tag.since)})' if tag.since else ''}: {words[same]}",
            self._at(tag),
            severity="info" if same else None,
        )

    def _replaced(self, tag: Ref, branch: str) -> Finding:
        """Report that a branch has the name of a removed tag: a user who loads that name gets the branch."""
        first, name = first_target(tag), tag.name.removeprefix(TAGS)
        same = self._weights.same(first.commit, branch)
        words = {True: "hold the same weights", False: "hold other weights", None: "were not compared"}[same]
        return finding(
            "moved-tag",
            f"the tag {name} was first recorded at {first.commit}{_on(first.read)} and no longer exists; a branch of "
            f"this name is at {branch}: the two commits {words}",
            self._at(tag),
            severity="info" if same else None,
        )

    def _removed(self, tag: Ref) -> Finding:
        name = tag.name.removeprefix(TAGS)
        return finding(
            "version-removed",
            f"the tag {name} no longer exists; it was recorded at {tag.target}{_on(tag.since)}",
            self._at(tag),
        )

    def _at(self, tag: Ref) -> Pointer:
        return Pointer(model=self.shown, revision=tag.target, field=tag.name)

    def _reused(self) -> Iterator[Finding]:
        """Report each version once: its first naming, and the first later one with other weights."""
        named = named_versions(self.recorded.line, self._naming, self._cards)
        seen: set[str] = set()
        for first, again in reused(named, self.recorded.line, self._all_changes):
            if again.version in seen or again.position <= self.start.position:
                continue
            commits = [self.recorded.line.commits[each.position].id for each in (first, again)]
            same = self._weights.same(*commits)
            if not same:
                seen.add(again.version)
                words = "whose weights differ" if same is False else "whose weights were not compared"
                yield finding(
                    "version-reused",
                    f"version {again.version} is named twice: by {first.source} at {commits[0]} and by {again.source} "
                    f"at {commits[1]}, {words}",
                    Pointer(model=self.shown, revision=commits[1], file=again.file),
                )

    def _elsewhere(self) -> Iterator[Finding]:
        """Report tags of one version of which one is not on the line, and whose weights are not the same."""
        by_version: dict[str, list[tuple[str, str]]] = {}
        for tag in sorted(self.recorded.tags, key=lambda each: each.name):
            name, first = tag.name.removeprefix(TAGS), first_target(tag)
            if self._concerns(tag) and (version := version_of(name)):
                by_version.setdefault(version, []).append((first.commit, name))
        for version, tags in by_version.items():
            commit, name = min(tags, key=lambda each: self._positions.get(each[0], len(self._positions)))
            for other, again in tags:
                if other not in self._positions and not self._weights.same(commit, other):
                    yield finding(
                        "version-reused",
                        f"version {version} is named twice: by the tag {name} at {commit} and by the tag {again} at "
                        f"{other}, which is not on this branch and does not have the same weights, as far as is known",
                        Pointer(model=self.shown, revision=other),
                    )
                    break

    def _differing(self) -> Iterator[Finding]:
        for position, identity, tags in self._tagged:
            card = self._cards.get(identity or "")
            if card is None or position <= self.start.position:
                continue
            if found := differing(tags, card):
                commit = self.recorded.line.commits[position].id
                yield finding(
                    "card-and-tag-differ",
                    f"the tag {found[0]} is at {commit}, whose card says `{found[1]}`",
                    Pointer(model=self.shown, revision=commit, file=CARD, field=found[1].partition(":")[0]),
                )

    def _is_unknown(self, position: int) -> bool:
        identity = self._identities[position]
        return identity is not None and position > self.start.position and identity not in self._cards

    @cached_property
    def _present(self) -> dict[str, list[str]]:
        return tags_by_commit(self.recorded.history)

    @cached_property
    def _naming(self) -> dict[str, list[str]]:
        """The tags by their present commits, and removed ones by the commits at which they were first recorded."""
        found = {commit: [*tags] for commit, tags in self._present.items()}
        for tag in sorted(self.recorded.tags, key=lambda each: each.name):
            if tag.vanished:
                found.setdefault(first_target(tag).commit, []).append(tag.name.removeprefix(TAGS))
        return found

    @cached_property
    def _branches(self) -> dict[str, str]:
        """The heads of the branches by short name."""
        refs = self.recorded.history.refs
        return {ref.name.removeprefix(BRANCHES): ref.target for ref in refs if ref.kind == "branch"}

    @cached_property
    def _tagged(self) -> list[tuple[int, str | None, list[str]]]:
        """The tagged commits of the line: position, identity of the card, and the tags."""
        commits = enumerate(self.recorded.line.commits)
        return [(i, self._identities[i], self._present[c.id]) for i, c in commits if c.id in self._present]

    @cached_property
    def _identities(self) -> list[str | None]:
        return card_identities(self.recorded.line)

    @cached_property
    def _cards(self) -> dict[str, str]:
        """The cards that the store has: of tagged commits, and if a change counts those of the whole line."""
        wanted: Iterable[str | None] = (identity for _, identity, _ in self._tagged)
        if any(change.counts for change in self._all_changes):
            wanted = self._identities
        kept = {each: self.view.attachment("text", each) for each in dict.fromkeys(wanted) if each is not None}
        return {each: data.decode("utf-8", "replace") for each, data in kept.items() if data is not None}

    @cached_property
    def _all_changes(self) -> list[Change]:
        """The recorded changes of the line, and those that were worked out for the range."""
        return list({change.revisions[0]: change for change in (*self.recorded.changes, *self.changes)}.values())

    @cached_property
    def _weights(self) -> WeightsAt:
        return WeightsAt(self.view, self.key, recorded_lines(self.view, self.key))

    @cached_property
    def _positions(self) -> dict[str, int]:
        """The position of each commit of the line; one that was merged has that of its merge."""
        return {commit.id: i for i, arrived in enumerate(self.recorded.line.arrived) for commit in arrived}


def _on(date: datetime | None) -> str:
    return f" on {date:%Y-%m-%d}" if date else ""
