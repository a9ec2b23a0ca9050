"""Patterns of .gitignore files, compiled so that no pattern takes more than about the square of a path's length.

pathspec writes each pattern as one regular expression, in which every `*` and `**` can be tried at every place: a name
of 200 letters and a pattern with 20 stars took hours. In a pattern, what stands between two stars may as well be
matched at its first place, because the star behind it takes the rest. An atomic group says that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_STAR = "[^/]*"
_ANY_FOLDERS = "(?:/.+)?"
_ANYWHERE = "^(?:.+/)?"
_NEGATED = re.compile(r"\[\^(?!/)")
_STARS = re.compile(r"(?:\[\^/\]\*){2,}")
_BETWEEN_STARS = re.compile(r"\[\^/\]\*((?:\\.|\[\^?\]?(?:\\.|[^\]\\])*\](?![*+])|[^\\\[\]()|$*+?{}^])+)(?=\[\^/\]\*)")
"""A star of a pattern, what it is followed by (characters, classes), and the next star."""


def compiled(patterns: Sequence[str]) -> GitIgnoreSpec:
    """Compile patterns, without those that are not valid."""
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        found = GitIgnoreSpec.from_lines(patterns)
    except GitIgnorePatternError:
        found = GitIgnoreSpec.from_lines(line for line in patterns if _is_valid(line))
    for pattern in found.patterns:
        if pattern.regex is not None:
            pattern.regex = re.compile(bounded(pattern.regex.pattern))
    return found


def bounded(expression: str) -> str:
    """Write the regular expression of a pattern so that stars are not tried at every place.

    A class such as `[!a]` matches no slash, as in git; in pathspec it does.
    """
    first, *parts = _NEGATED.sub("[^/", expression).split(_ANY_FOLDERS)
    if not parts:
        return _with_stars(first)
    *middle, last = parts
    if first.startswith(_ANYWHERE):
        first = f"^(?>(?:.+?/)??{_with_stars(first.removeprefix(_ANYWHERE))}(?=/))"
    else:
        first = _with_stars(first)
    between = "".join(f"(?>(?:/.+?)??{_with_stars(part)}(?=/))" for part in middle)
    return f"{first}{between}{_ANY_FOLDERS}{_with_stars(last)}"


def _with_stars(expression: str) -> str:
    return _BETWEEN_STARS.sub(r"(?>[^/]*?\1)", _STARS.sub(_STAR, expression))


def _is_valid(pattern: str) -> bool:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        GitIgnoreSpec.from_lines([pattern])
    except GitIgnorePatternError:
        return False
    return True
