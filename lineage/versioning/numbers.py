"""Numbers of versions: semantic ones, those that are coerced to such, and calendar versions, which stay dates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from lineage.hub.bounds import MAX_VERSION_CHARACTERS
from lineage.versioning.words import version_of

if TYPE_CHECKING:
    from semver import Version

Scheme = Literal["semver", "calendar"]

Step = Literal["major", "minor", "patch", "none"]

_MARK = re.compile(r"(?:(?:version|release|ver|rel)[-_ /.]?)?v?[-. ]?(?=\d)", re.IGNORECASE)
"""What stands before a number: `v`, `release-`, `version `."""

_CALENDAR = re.compile(
    r"(?P<year>(?:19|20)\d\d)(?:(?P<sep>[-._])(?P<month>0?[1-9]|1[0-2])(?:(?P=sep)(?P<day>\d{1,2}))?"
    r"|(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])?)?(?:[-._](?P<count>\d{1,9}))?",
    re.ASCII,
)
"""`2024.05`, `2024-05-06`, `20240506`, `2024.5.1`, each with a number that counts the versions of a day."""

_NOT_A_STAGE = re.compile(
    r"fp\d|bf16|int\d|u?q\d|iq\d|\d+\.?\d*-?(?:bit|bpw)|gguf|ggml|gptq|awq|exl\d|onnx|mlx|nf4|lora"
)
"""Beginnings of what looks like a pre-release of semver and names a format of the same version: `1.0.0-fp16`."""

_IN_FULL = {"a": "alpha", "b": "beta"}
"""Stages as semver's examples spell them."""


@dataclass(frozen=True)
class Number:
    """Hold one version number as it is written, and how it is read.

    `numbers` are the first three of a semantic version, or year, month, day and counter of a calendar version, as far
    as they are written. `stage` is a pre-release of semver. `rest` are numbers that semver has no place for: `4` in
    `1.2.3.4`. `written` counts the numbers in the text, and `coerced` says that it is not semver as it is written.
    """

    text: str
    scheme: Scheme
    numbers: tuple[int, ...]
    stage: str | None = None
    rest: tuple[int, ...] = ()
    written: int = 3
    coerced: bool = False

    @property
    def shown(self) -> str:
        """Return the number as answers show it: semver in full, a calendar version as it is written."""
        return _unmarked(self.text) if self.scheme == "calendar" else str(self.semver)

    @property
    def semver(self) -> Version:
        """Return the semantic version; not for calendar versions."""
        from semver import Version

        assert self.scheme == "semver", "a calendar version is not a semantic one"
        major, minor, patch = self.numbers
        return Version(major, minor, patch, self.stage, ".".join(map(str, self.rest)) or None)

    def same_as(self, other: Number) -> bool:
        """Return whether two numbers are the same version: `v1.0` and `1.0.0` are."""
        if self.scheme != other.scheme:
            return False
        if self.scheme == "calendar":
            return self.numbers == other.numbers
        stages = [(each.stage or "").replace(".", "").lower() for each in (self, other)]
        return (self.numbers, self.rest) == (other.numbers, other.rest) and stages[0] == stages[1]

    def is_after(self, other: Number) -> bool | None:
        """Return whether this version is later than another one; None for numbers that cannot be compared."""
        if self.scheme != other.scheme:
            return None
        if self.scheme == "calendar":
            return self.numbers > other.numbers
        order = self.semver.compare(other.semver)
        return order > 0 if order else self.rest > other.rest

    def is_short_for(self, other: Number) -> bool:
        """Return whether this is an abbreviation of another number, as the tag `v1` is of `v1.2.3`."""
        mine = self.numbers[: self.written]
        return (
            self.scheme == other.scheme == "semver"
            and self.stage is None
            and self.written < other.written
            and other.numbers[: self.written] == mine
        )


def read_number(text: str, *, needs_mark: bool = True) -> Number | None:
    """Read a text that is a version as a whole; None for any other one, such as `fp16` or `4.0bpw`.

    A number without a dot is a version only with a mark such as `v`, unless it is a date, or a field says that it is
    one (`needs_mark`). What looks like a pre-release and names a format, as in `1.0.0-fp16`, is not a version.
    """
    from semver import Version

    text = text.strip()
    body = _unmarked(text)
    if len(text) > MAX_VERSION_CHARACTERS or not text.isascii():
        return None
    if found := _calendar(text, body, is_marked=body != text or not needs_mark):
        return found
    try:
        strict = Version.parse(body)
    except ValueError:
        return _coerced(text, version_of(text, needs_mark=needs_mark))
    if max(strict.to_tuple()[:3]) >= 10**20 or (strict.prerelease and _NOT_A_STAGE.match(strict.prerelease.lower())):
        return None
    return Number(text, "semver", (strict.major, strict.minor, strict.patch), strict.prerelease)


def of_numbers(text: str, numbers: tuple[int, ...], *, is_date: bool) -> Number:
    """Make a number from those that a name has in order; of a date they are year, month and day."""
    if is_date:
        return Number(text, "calendar", numbers, written=len(numbers))
    padded = (*numbers, 0, 0)[: max(3, len(numbers))]
    return Number(text, "semver", padded[:3], rest=padded[3:], written=len(numbers), coerced=len(numbers) != 3)


def step_between(before: Number, after: Number) -> Step | None:
    """Return the level that a number announces after another one; None if a calendar says no level.

    Within 0.x semver promises nothing: there a new second number may break as a new first one does later, and so may
    the step to 1.0.0. A pre-release announces what its final version does. A number that is not later announces
    nothing.
    """
    if "calendar" in (before.scheme, after.scheme):
        return None
    if not after.is_after(before):
        return "none"
    old, new = before.numbers, after.numbers
    if old == new:
        return _promised(new) if before.stage is not None else "patch"
    if old[0] != new[0]:
        return "major"
    if old[1] != new[1]:
        return "major" if new[0] == 0 else "minor"
    return "patch"


def _promised(numbers: tuple[int, ...]) -> Step:
    """Return the level of a version whose pre-releases are published: 2.0.0 is major, 1.1.0 minor."""
    if numbers[1:] == (0, 0) or (numbers[0] == 0 and numbers[2] == 0):
        return "major"
    return "minor" if numbers[2] == 0 else "patch"


def next_number(current: Number, step: Step, today: datetime | None) -> str:
    """Return the number that a change of a level deserves after the current one.

    Semver by its library: a pre-release becomes its final version unless more changed than that announces, and within
    0.x a breaking change raises the second number. A calendar version becomes the date of the change in the same
    spelling, or gets a counter if that is not later; without a date it stays.
    """
    if step == "none":
        return current.shown
    if current.scheme == "calendar":
        return _next_date(current, today)
    if current.numbers[0] == 0 and step in ("major", "minor"):
        step = "minor"
    version = current.semver.replace(build=None)
    return str(version.next_version(step))


def _unmarked(text: str) -> str:
    """Take the mark from a number."""
    return text[mark.end() :] if (mark := _MARK.match(text)) else text


def _calendar(text: str, body: str, *, is_marked: bool) -> Number | None:
    """Read a date of a calendar version; None for a text that is not one."""
    match = _CALENDAR.fullmatch(body)
    if match is None:
        return None
    month, day, count = match["month"] or match["m"], match["day"] or match["d"], match["count"]
    if month is None and not (is_marked and count is None):
        return None
    found = [int(match["year"]), *(int(each) for each in (month, day, count) if each is not None)]
    if match["day"] is None and match["d"] is not None and not _is_day(found):
        return None
    return Number(text, "calendar", tuple(found), written=len(found))


def _is_day(numbers: list[int]) -> bool:
    try:
        date(*numbers[:3])
    except ValueError:
        return False
    return True


def _coerced(text: str, version: str | None) -> Number | None:
    """Read a version that is not semver as it is written, from its one spelling: `1.2`, `1-rc1`, `1.2.3.4`."""
    if version is None:
        return None
    numbers, _, stage = version.partition("-")
    found = [int(number) for number in numbers.split(".")]
    rest = found[3:]
    written = text.split("-")[0].count(".") + 1
    name, count = (stage.rstrip("0123456789"), stage[len(stage.rstrip("0123456789")) :]) if stage else ("", "")
    if name == "post":
        rest, name = [*rest, int(count or 0) + 1], ""
    padded = (*found, 0, 0)[:3]
    is_counted = bool(count) and (int(count) > 0 or text.endswith("0"))
    name = _IN_FULL.get(name, name)
    pre = f"{name}.{int(count)}" if name and is_counted else name or None
    return Number(text, "semver", padded, pre, tuple(rest), min(written, 3), coerced=True)


def _next_date(current: Number, today: datetime | None) -> str:
    """Write a date as the current version is written, with a counter if it is not later than that."""
    match = _CALENDAR.fullmatch(current.shown)
    if today is None or match is None:
        return current.shown
    sep, has_day = match["sep"] or "", (match["day"] or match["d"]) is not None
    month_width = 2 if not sep or len(match["month"] or "") == 2 else 0
    wide = f"0{month_width}d" if month_width else "d"
    parts = [f"{today.year}"]
    has_month = (match["month"] or match["m"]) is not None
    parts += [format(today.month, wide)] if has_month else []
    parts += [format(today.day, wide)] if has_day and _is_real_day(match) else []
    written = sep.join(parts)
    now = tuple(int(part) for part in parts)
    base = current.numbers[: len(now)]
    if now > base:
        return written
    counter = (current.numbers[len(now)] if len(current.numbers) > len(now) else 0) + 1
    kept = sep.join([match["year"], *([match["month"] or match["m"]] if has_month else [])])
    if len(now) == 3:
        kept = sep.join([kept, match["day"] or match["d"]])
    return f"{kept}{sep or '.'}{counter}"


def _is_real_day(match: re.Match[str]) -> bool:
    """Return whether the third number is a day, and not a counter within the month: `2024.5.1` is read as a counter."""
    return match["d"] is not None or (match["sep"] in ("-", "_") or len(match["day"]) == 2)
