"""The settings of a project: `lineage.toml`, or `[tool.lineage]` of `pyproject.toml`.

The rules are above the settings, so that the caller passes in what the file may say about them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lineage.errors import InputError
from lineage.settings.project_search import (
    NO_CONFIG,
    OWN_FILE,
    FoundFile,
    named_file,
    nearest_files,
    refuse_link_out_of,
)

if TYPE_CHECKING:
    from lineage.settings.toml_lines import Path as KeyPath
    from lineage.settings.toml_lines import TomlLines
    from lineage.settings.vocabulary import Vocabulary
    from lineage_schemas.project_file import ProjectFile

TABLE = ("tool", "lineage")
"""Where the settings are in `pyproject.toml`."""

REFERENCE = "docs/reference/project-file.md has every key"

SHOWN_PROBLEMS = 3
"""Problems of one file that a message lists; the number of the others follows."""


@dataclass(frozen=True)
class Ignore:
    """Hold one `[[ignore]]`: the name of the rule, which models it is about, why, until when, and its line."""

    rule: str
    model: str
    reason: str
    until: date | None
    line: int | None

    def is_about(self, model: str) -> bool:
        """Return whether it is about a model: its id in any case, or every model of `org/*`."""
        pattern, wanted = self.model.lower(), model.lower()
        return wanted.startswith(pattern[:-1]) if pattern.endswith("/*") else wanted == pattern

    def has_expired(self, today: date) -> bool:
        """Return whether its last day is over."""
        return self.until is not None and self.until < today


@dataclass(frozen=True)
class Project:
    """Hold the settings of a project and the file that they come from.

    `moved` has the severity or level of each rule that the file moves, by the rule's name. `today` decides which
    ignores have expired. `shown` is the file's path as messages and answers name it, `folder` the folder that it is in.
    """

    shown: str
    folder: Path
    name: str
    file: ProjectFile
    moved: Mapping[str, str]
    ignores: tuple[Ignore, ...]
    today: date
    lines: TomlLines
    table: KeyPath = ()

    def at(self, *path: str | int) -> str:
        """Name the file and the line of a key."""
        return _at(self.shown, self.lines, (*self.table, *path))

    def line(self, *path: str | int) -> int | None:
        """Return the line of a key in the file."""
        return self.lines.of((*self.table, *path))

    def expired(self) -> Iterator[Ignore]:
        """List the ignores whose last day is over."""
        return (each for each in self.ignores if each.has_expired(self.today))


def find_project(
    vocabulary: Callable[[], Vocabulary],
    *,
    start: Path | None = None,
    config: Path | None = None,
    today: date | None = None,
) -> Project | None:
    """Read the project file of the folder `start` (the current one), or the file `config`; None if there is none.

    `vocabulary` is called only if there is a file. Raises InputError with the file and the line for everything in it
    that is not understood: a setting without effect could hide a finding.
    """
    today = today or datetime.now(UTC).date()
    if config is not None:
        found = named_file(config)
        settings = _settings_of(found)
        if settings is None:
            raise InputError(f"{found.shown} has no table [tool.lineage]", hint=f"name a {OWN_FILE}, or add the table")
        return _project(found, settings, vocabulary(), today)
    try:
        start = Path(os.path.abspath(start or Path.cwd()))  # noqa: PTH100 - the folders above, without following links
    except OSError:  # the current folder was deleted, and no file is in it
        return None
    own: FoundFile | None = None
    for found in nearest_files(start):
        if own is not None and found.path.parent != own.path.parent:
            break
        settings = _settings_of(found) if own is None or found.is_shared else None
        if settings is None:
            continue
        if own is not None:
            raise InputError(
                f"{own.shown} and [tool.lineage] of {found.shown} are both settings of one folder",
                hint="keep one of the two, or name the one to use: --config FILE",
            )
        own, kept = found, settings
    return None if own is None else _project(own, kept, vocabulary(), today)


def _settings_of(found: FoundFile) -> dict[str, Any] | None:
    """Parse a file; None for a `pyproject.toml` without our table."""
    from lineage.settings.toml_text import parse_toml

    data = parse_toml(found.text, found.shown, hint=NO_CONFIG)
    if not found.is_shared:
        return data
    tool = data.get("tool")
    ours = tool.get("lineage") if isinstance(tool, dict) else None
    if ours is not None:
        refuse_link_out_of(found.tree, found.path, found.shown)
    if ours is None or isinstance(ours, dict):
        return ours
    raise InputError(f"{found.shown}: [tool.lineage] is not a table", hint=REFERENCE)


def _at(shown: str, lines: TomlLines, path: KeyPath) -> str:
    line = lines.of(path)
    return shown if line is None else f"{shown}:{line}"


def _project(found: FoundFile, data: dict[str, Any], known: Vocabulary, today: date) -> Project:
    """Validate the settings. Raises InputError that lists what is wrong, in the order of the lines."""
    from lineage.settings.project_problems import validated
    from lineage.settings.toml_lines import toml_lines

    lines = toml_lines(found.text)
    table: KeyPath = TABLE if found.is_shared else ()
    file, problems = validated(data, known)
    if file is None:
        _refuse(found.shown, lines, [((*table, *path), words) for path, words in problems])
    return Project(
        shown=found.shown,
        folder=found.path.absolute().parent,
        name=found.path.name,
        file=file,
        moved={known.rules[key.lower()].name: value for key, value in file.rules.items()},
        ignores=tuple(
            Ignore(
                rule=known.rules[each.rule.lower()].name,
                model=each.model,
                reason=each.reason,
                until=each.until,
                line=lines.of((*table, "ignore", number)),
            )
            for number, each in enumerate(file.ignore)
        ),
        today=today,
        lines=lines,
        table=table,
    )


def _refuse(shown: str, lines: TomlLines, problems: Sequence[tuple[KeyPath, str]]) -> NoReturn:
    """Raise the error that lists the problems of a file, the first lines first."""
    placed = sorted(problems, key=lambda problem: lines.of(problem[0]) or 0)
    listed = "; ".join(f"{_at(shown, lines, path)}: {words}" for path, words in placed[:SHOWN_PROBLEMS])
    more = f"; and {len(placed) - SHOWN_PROBLEMS} more" if len(placed) > SHOWN_PROBLEMS else ""
    raise InputError(f"{listed}{more}", hint=f"{NO_CONFIG}; {REFERENCE}")
