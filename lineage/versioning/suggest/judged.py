"""Whether an announced number fits the change that came with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lineage.versioning.numbers import Number, Step, next_number, read_number, step_between

if TYPE_CHECKING:
    from lineage.versioning.suggest.fired import Suggestion
    from lineage_schemas.version_level import AnnouncedVerdict, MeasuredLevel

_ORDER: tuple[Step, ...] = ("none", "patch", "minor", "major")


class Judged(NamedTuple):
    """Hold the level that a number announces, the level that was measured, and what that makes of the number.

    `announced` is None where the number names no level: a calendar version, or the first one.
    """

    announced: Step | None
    measured: MeasuredLevel | None
    verdict: AnnouncedVerdict
    note: str | None = None

    @property
    def is_open(self) -> bool:
        """Return whether something that was not read decides; a date after a number is unjudged whatever is read."""
        return self.verdict == "unjudged" and (self.announced is not None or self.measured in (None, "unjudged"))


FIRST = Judged(None, None, "first")


def measured_level(found: Suggestion) -> MeasuredLevel:
    """Return the level of a change as answers show it; what is known counts, whatever else could not be judged."""
    if found.level is not None:
        return found.level
    return "unjudged" if found.at_most is not None else "none"


def judge_number(before: Number, after: Number, found: Suggestion) -> Judged:
    """Judge the number after a change by the number before it.

    Understated: more is known to have changed than the number announces. Overstated: it announces more than can have
    changed. A number that is the suggested one matches, also within 0.x and for pre-releases, where semver promises
    less. Where something unjudged could decide otherwise, the number is unjudged.
    """
    measured = measured_level(found)
    step = step_between(before, after)
    known: Step = found.level or "none"
    could: Step = found.at_most or "none"
    if measured == "none":
        return Judged(step, measured, "matches" if _is_promotion(before, after) else "bump_without_change")
    if step is None:
        return _by_date(before, after, measured)
    if _rank(step) < _rank(known):
        note = None if after.is_after(before) else f"{after.shown} is not later than {before.shown}"
        return Judged(step, measured, "understated", note)
    if _rank(step) < _rank(could):
        return Judged(step, measured, "unjudged", "what could not be judged may be more than the number announces")
    if known == "none":
        return Judged(step, measured, "unjudged", "nothing is known to have changed, and not all could be judged")
    if _rank(step) > _rank(known) and not _is_suggested(before, after, step, known, could):
        certain = _rank(step) > _rank(could)
        return Judged(step, measured, "overstated" if certain else "unjudged")
    return Judged(step, measured, "matches")


def _rank(step: Step) -> int:
    return _ORDER.index(step)


def _is_suggested(before: Number, after: Number, step: Step, known: Step, could: Step) -> bool:
    """Return whether the number takes the step that is suggested for the change, or ends a series of pre-releases."""
    if before.stage is not None or _is_promotion(before, after):
        return True
    steps = []
    for level in (known, could):
        suggested = read_number(next_number(before, level, None), needs_mark=False)
        steps.append(step_between(before, suggested) if suggested else None)
    return steps == [step, step] or (steps[0] == step and _rank(could) <= _rank(step))


def _is_promotion(before: Number, after: Number) -> bool:
    """Return whether a number ends a series of pre-releases, or the time before 1.0.0: what is tried is released."""
    if "calendar" in (before.scheme, after.scheme):
        return False
    final = before.stage is not None and after.stage is None and before.numbers == after.numbers
    return final or (before.numbers[0] == 0 and after.numbers == (1, 0, 0))


def _by_date(before: Number, after: Number, measured: MeasuredLevel) -> Judged:
    """Judge a calendar version: it announces that something changed, and not how much."""
    later = after.is_after(before)
    if later is None:
        return Judged(None, measured, "unjudged", "a calendar version and a number cannot be compared")
    if not later:
        return Judged(None, measured, "understated", f"{after.shown} is not later than {before.shown}")
    if measured == "unjudged":
        return Judged(None, measured, "unjudged")
    return Judged(None, measured, "matches", "a calendar version announces a change, and not its level")
