r"""Patterns by which PEFT names modules (`alpha_pattern`, `rank_pattern`), matched as PEFT does and in bounded time.

PEFT takes the first key that matches as `re.match(rf"(.*\.)?({key})$", module)`. The keys are regular expressions that
come with a model: Python's `re` may need hours for one of them. Plain paths, which are most keys, are looked up in
tables. The others are run as automata, whose steps grow with the length of a name and not exponentially. What is
neither (look-around, references to groups, flags) is refused, and what it could name stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lineage.fingerprint.values.automata import Automaton, RefusedPatternError, Steps

MAX_MODULE = 1_000
"""Characters of a module's name up to which patterns are tried."""

Spans = tuple[tuple[int, int], ...]


class ModulePatterns:
    """Find for modules the first of the patterns that names them."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._steps = Steps()
        self._refused: list[tuple[int, str]] = []
        self._automata: list[tuple[int, Automaton]] = []
        self._plain: dict[tuple[bool, int], dict[Spans, dict[tuple[str, ...], int]]] = {}
        for at, pattern in enumerate(patterns):
            self._add(at, pattern)

    def first(self, module: str) -> str | None:
        """Return the first pattern that names a module; None if none does.

        Raises RefusedPatternError where that cannot be known: a pattern before it is refused, or all take too long.
        """
        if not self._patterns:
            return None
        if len(module) > MAX_MODULE or "\n" in module:
            raise RefusedPatternError("the name of a module is too long, or has a line break")
        best = min(self._named(module), default=len(self._patterns))
        for at, automaton in self._automata:
            if at >= best or (self._refused and self._refused[0][0] < at):
                break
            if automaton.matches(module, self._steps):
                best = at
                break
        if self._refused and self._refused[0][0] < best:
            raise RefusedPatternError(self._refused[0][1])
        if best < len(self._patterns):
            return self._patterns[best]
        return module if module in self._patterns else None

    def _add(self, at: int, pattern: str) -> None:
        """Put a pattern where it is looked for: in a table, among the automata, or among those that are refused."""
        try:
            plain = _plain(pattern)
            if plain is None:
                self._automata.append((at, Automaton(pattern, self._steps)))
                return
        except RefusedPatternError as error:
            self._refused.append((at, str(error)))
            return
        whole, spans, text, length = plain
        self._plain.setdefault((whole, length), {}).setdefault(spans, {}).setdefault(text, at)

    def _named(self, module: str) -> Iterator[int]:
        """Yield the plain patterns that name a module: each is the whole name or what follows one of its dots."""
        starts = [0, *(at + 1 for at, character in enumerate(module) if character == ".")]
        for start in starts:
            for whole in (True, False) if start == 0 else (False,):
                for spans, table in self._plain.get((whole, len(module) - start), {}).items():
                    self._steps.spend(len(spans))
                    found = table.get(tuple(module[start + begin : start + end] for begin, end in spans))
                    if found is not None:
                        yield found


def _plain(pattern: str) -> tuple[bool, Spans, tuple[str, ...], int] | None:
    """Take a pattern of characters and dots apart, if it is one; a dot stands for any character.

    Gives whether `^` binds it to the whole name, where its runs of characters are, those, and its length.
    """
    whole = pattern.startswith("^")
    characters = _characters(pattern[whole:].removesuffix("$"))
    if characters is None:
        return None
    runs: list[tuple[int, int]] = []
    for at, character in enumerate(characters):
        if character is None:
            continue
        begin = runs.pop()[0] if runs and runs[-1][1] == at else at
        runs.append((begin, at + 1))
    text = tuple("".join(each or "" for each in characters[begin:end]) for begin, end in runs)
    return whole, tuple(runs), text, len(characters)


def _characters(pattern: str) -> list[str | None] | None:
    """Return the characters of a pattern that has nothing else, with None for a dot; None for other patterns."""
    found: list[str | None] = []
    escaped = False
    for character in pattern:
        if escaped and character.isascii() and character.isalnum():
            return None
        if not escaped and character in "[](){}|^$*+?":
            return None
        if escaped or character != "\\":
            found.append(character if escaped or character != "." else None)
        escaped = not escaped and character == "\\"
    return None if escaped else found
