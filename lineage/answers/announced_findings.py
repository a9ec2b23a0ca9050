"""Findings about announced versions: numbers that do not fit what changed, and a block of the card that is untrue."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lineage.answers.findings import FailOn, counting, finding
from lineage.answers.judged_versions import JudgedLine, moved_levels
from lineage.answers.looked_up import hub_to_read
from lineage.answers.project import settled
from lineage.answers.release_notes import announced_on, stored_cards
from lineage.versioning.card_fields import CARD_BLOCK
from lineage.versioning.facets.side import CARD
from lineage_schemas.card_block import CardBlock
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.answers.looked_up import Asked
    from lineage.answers.session import Session
    from lineage.settings.project_file import Project
    from lineage.store.interface import StoreView
    from lineage.versioning.announced import Announced
    from lineage.versioning.facets.side import Side
    from lineage.versioning.suggest.judged import Judged
    from lineage_schemas.answers.finding import Finding

_RULES = {
    "understated": "understated-version",
    "bump_without_change": "bump-without-change",
    "overstated": "overstated-version",
}


class AnnouncedLine:
    """Find what the announced versions of a line and the block of its card show, behind a position of the line.

    Without `after` it is the whole line.
    """

    def __init__(
        self, session: Session, view: StoreView, asked: Asked, recorded: RecordedLine, after: int = -1
    ) -> None:
        self._session, self._view, self._asked, self._recorded, self._after = session, view, asked, recorded, after

    def findings(self) -> Iterator[Finding]:
        """List the versions that do not fit, in order of the line, then the block."""
        yield from self.misfits(*_RULES)
        yield from self._block()

    def misfits(self, *verdicts: str) -> Iterator[Finding]:
        """List the versions with these verdicts, in order of the line."""
        for each, judged in self._judged:
            if judged.verdict in verdicts:
                yield finding(_RULES[judged.verdict], _words(each, judged, self._before(each)), self._pointer(each))

    def unjudged(self) -> Iterator[Unchecked]:
        """List the versions that may be understated, which what was not read decides, each with the command for it."""
        model = self._asked.shown
        for each, judged in self._judged:
            if judged.is_open:
                before = self._before(each)
                since = f"--from {before.revision[:12]} " if before else ""
                yield Unchecked(
                    what=f"whether {each.number.shown} ({each.by} {each.source}) announced enough",
                    reason=judged.note or "what changed since the version before could not be judged",
                    decide_with=f"lineage suggest {shlex.quote(model)} {since}--to {each.revision[:12]}",
                )

    def understated(self) -> set[str]:
        """Return the commits whose changes an understated version announces: those since the version before it."""
        found: set[str] = set()
        for each, judged in self._judged:
            if judged.verdict == "understated":
                before = max(
                    (other.position for other in self._announced if other.position < each.position), default=-1
                )
                found.update(commit.id for commit in self._recorded.line.commits[before + 1 : each.position + 1])
        return found

    def notes(self) -> list[str]:
        """Say which versions could not be judged."""
        open_ones = [each.number.shown for each, judged in self._judged if judged.verdict == "unjudged"]
        if not open_ones:
            return []
        more = f" and {len(open_ones) - 3} more" if len(open_ones) > 3 else ""
        command = f"`lineage suggest {self._asked.shown}` says why"
        return [f"whether {', '.join(open_ones[:3])}{more} announced enough was not judged; {command}"]

    @cached_property
    def _announced(self) -> list[Announced]:
        return announced_on(self._recorded, stored_cards(self._view, self._recorded))

    @cached_property
    def _line(self) -> JudgedLine:
        hub = hub_to_read(self._session, self._asked.target)
        moved = moved_levels(self._session.project)
        head = self._recorded.line.commits[-1].id
        return JudgedLine(self._view, hub, self._recorded, self._announced, moved, also=(head,))

    @cached_property
    def _judged(self) -> list[tuple[Announced, Judged]]:
        if len(self._announced) < 2:
            return []
        return self._line.judged(self._after)

    def _before(self, each: Announced) -> Announced | None:
        """Return the version that was announced before another one."""
        at = self._announced.index(each)
        return self._announced[at - 1] if at else None

    def _pointer(self, each: Announced) -> Pointer:
        file = CARD if each.by == "card" else None
        field = f"refs/tags/{each.source}" if each.by == "tag" else None
        return Pointer(model=self._asked.shown, revision=each.revision, file=file, field=field)

    def _block(self) -> Iterator[Finding]:
        """Compare the block of the card at the head with what is there."""
        cards = stored_cards(self._view, self._recorded)
        if not any(CARD_BLOCK + ":" in card for card in cards.values()):
            return
        head = self._recorded.line.commits[-1].id
        side = self._line.side(head)
        declared = side.object(CARD).fields.get(CARD_BLOCK) if side is not None else None
        if side is None or not isinstance(declared, dict) or "schema" not in declared:
            return
        for words, field in untrue(declared, side):
            pointer = Pointer(model=self._asked.shown, revision=head, file=CARD, field=field)
            yield finding("untrue-card-block", words, pointer)


def understated_counts(project: Project | None, model: str, fail_on: FailOn) -> bool:
    """Return whether a finding about an understated version of a model would count.

    Then a version that could not be judged is unchecked: without what decides it, the answer must not be clean.
    """
    return bool(counting(settled(project, [finding("understated-version", "", Pointer(model=model))]), fail_on))


def untrue(declared: dict[str, Any], side: Side) -> Iterator[tuple[str, str]]:
    """List what a block says that a revision does not have, each with the field."""
    try:
        block = CardBlock.model_validate(declared)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        yield f"the block {CARD_BLOCK} of the card does not follow its schema: {where}: {first['msg']}", CARD_BLOCK
        return
    digest = side.main.digests.weights if side.main else None
    if block.weights and digest and block.weights != digest:
        words = f"the block of the card has the weights {block.weights[:23]}…, and this revision has {digest[:23]}…"
        yield words, f"{CARD_BLOCK}.weights"
    config = side.object("config.json").fields
    listed = config.get("architectures")
    names = [*(listed if isinstance(listed, list) else []), config.get("model_type")]
    if block.architecture and any(names) and block.architecture not in names:
        there = next(str(name) for name in names if name)
        words = f"the block of the card names the architecture {block.architecture}, and config.json has {there}"
        yield words, f"{CARD_BLOCK}.architecture"


def _words(each: Announced, judged: Judged, before: Announced | None) -> str:
    """Describe a number that does not fit."""
    after = f" after {before.number.shown}" if before else ""
    version = f"{each.number.shown} ({each.by} {each.source}){after}"
    if judged.verdict == "bump_without_change":
        return f"version {version} announces a change, and nothing differs"
    note = f"; {judged.note}" if judged.note else ""
    return f"version {version} announces {judged.announced or 'no level'}, and {judged.measured} changed{note}"
