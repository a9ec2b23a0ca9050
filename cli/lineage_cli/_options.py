"""Options that several commands share, and the run that they configure."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TextIO

import click

from lineage_schemas.level import LEVELS

if TYPE_CHECKING:
    from lineage.answers.listed import ListedTarget
    from lineage.answers.session import Session
    from lineage.settings.project_file import Project
    from lineage_cli._output import Lines
    from lineage_schemas.record import Record

MOST_JOBS = 64
"""Models that are read at a time at most: each may hold sockets, git processes and weights in memory."""

Command = Callable[..., None]
Decorator = Callable[[Command], Command]

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class Run(NamedTuple):
    """Hold where one run of a command reads and writes, and in which format."""

    to_format: str
    output: Path | None
    quiet: bool
    store: str | None = None
    hub: str | None = None
    offline: bool = False
    verbose: int = 0
    config: Path | None = None
    no_config: bool = True

    def session(self, *, start: Path | None = None) -> Session:
        """Open the session that answers the command's question, and show log records if they are wanted.

        The project file is read here, so that an error in it ends the command before any work; it is looked for in the
        folder `start`, the current one by default.
        """
        from lineage.answers.session import Session
        from lineage_cli._log import listen, wanted_level
        from lineage_cli._progress import listener

        gc.freeze()  # modules stay until the end: no collection need look at them
        gc.enable()
        level = wanted_level(self.verbose)
        if level is not None:
            listen(level)
        progress = listener(quiet=self.quiet, bars=level is None)
        return Session(
            hub_selector=self.hub, store_url=self.store, offline=self.offline, progress=progress,
            project=None if self.no_config else self._project(start),
        )  # fmt: skip

    def _project(self, start: Path | None) -> Project | None:
        """Read the project file, if there is one."""
        from lineage.answers.project import read_project

        return read_project(self.config, start=start if start is not None and start.is_dir() else None)

    def show(self, answer: Record) -> bool:
        """Write the answer, and return whether all of it was written."""
        from lineage_cli._output import show

        return show(answer, self.to_format, self.output, in_detail=self.verbose > 0)

    def lines(self) -> Lines | None:
        """Open stdout for answers that are written one by one as they come; None if the answer is written at the end.

        A file is replaced as a whole, so it is written at the end.
        """
        from lineage_cli._output import Lines

        return Lines() if self.to_format == "jsonl" and self.output is None else None

    def finish(self, answer: Record, code: int = 0) -> NoReturn:
        """Write the answer and end the command with an exit code."""
        self.show(answer)
        click.get_current_context().exit(code)


LOGGED = "Log the steps to stderr; -vv also logs each request and git command"
"""What `--verbose` does in every command."""


def runs(*formats: str, store: bool = True, hub: bool = True, config: bool = False, verbose: str = LOGGED) -> Decorator:
    """Add `--format` (the first is the default) and the shared options to a command, which gets them as `run`.

    A command with `config` reads the project file: those that read models into the store, because it may name parents.
    """
    options = [_format(formats), _output(), *([_store()] if store else []), *(_hub() if hub else [])]
    options += [*(_config() if config else []), *_talk(verbose)]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_run(**given: Any) -> None:
            taken = {name: given.pop(name) for name in Run._fields if name in given}
            if taken.get("config") is not None and taken.get("no_config"):
                raise click.UsageError("--config and --no-config contradict each other", click.get_current_context())
            command(run=Run(**taken), **given)

        wrapped: Command = with_run
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate


def _format(formats: Sequence[str]) -> Decorator:
    return click.option(
        "--format", "to_format", type=click.Choice(formats), default=formats[0], show_default=True,
        help="Output format.",
    )  # fmt: skip


def _output() -> Decorator:
    return click.option(
        "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), callback=_writable,
        help="Write the answer to FILE, which is replaced atomically.",
    )  # fmt: skip


def _writable(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Reject a path whose folder does not exist before the work begins, not after it."""
    if path is not None and not path.absolute().parent.is_dir():
        raise click.BadParameter(f"the folder {str(path.parent)!r} does not exist")
    return path


def _named(context: click.Context, parameter: click.Parameter, url: str | None) -> str | None:
    """Reject an empty value: an unset variable in a script must not select the user's own store."""
    if url is not None and not url.strip():
        raise click.BadParameter("it is empty; omit it to use the store in LINEAGE_STORE or your data folder")
    return url


def _store() -> Decorator:
    return click.option(
        "--store", metavar="PATH|URL", callback=_named,
        help="The store of the graph: a file, neo4j://HOST or memory: [default: LINEAGE_STORE, or your data folder]",
    )  # fmt: skip


def _hub() -> list[Decorator]:
    where = "Read models from a folder of models, or from the Hub's local cache, instead of the Hub."
    return [
        click.option("--hub", metavar="DIR|cache", help=where),
        click.option("--offline", is_flag=True, help="Send no request to a Hub: use what is on this machine."),
    ]


def _config() -> list[Decorator]:
    return [
        click.option(
            "--config", metavar="FILE", type=click.Path(path_type=Path),
            help="Use this project file.  [default: the nearest lineage.toml, or pyproject.toml with [tool.lineage]]",
        ),
        click.option("--no-config", is_flag=True, help="Use no project file."),
    ]  # fmt: skip


def _talk(more: str) -> list[Decorator]:
    return [
        click.option("-q", "--quiet", is_flag=True, help="Print only the answer: no notes, no progress bars."),
        click.option("-v", "--verbose", count=True, help=more + "."),
    ]


def targets(command: Command) -> Command:
    """Add `TARGET...` and `--from-file` to a command, which gets both as `targets`."""

    @wraps(command)
    def with_targets(*, targets: tuple[str, ...], from_file: TextIO | None, **given: Any) -> None:
        named = (*targets, *(line for _, line in _lines(from_file)))
        command(targets=list(dict.fromkeys(named)), **given)

    return _with_list(
        with_targets, "Read more targets from FILE, one per line; # starts a comment, - is standard input."
    )


def pinned_targets(command: Command) -> Command:
    """Add `TARGET...` and `--from-file`, whose lines may hold the commit from which each model is checked.

    The command gets texts, and a `ListedTarget` for each line; a target with the same start is kept once.
    """

    @wraps(command)
    def with_targets(*, targets: tuple[str, ...], from_file: TextIO | None, **given: Any) -> None:
        named: dict[tuple[str, str | None], str | ListedTarget] = {(text, None): text for text in targets}
        for listed in _listed(from_file) if from_file else ():
            named.setdefault((listed.text, listed.since), listed)
        command(targets=list(named.values()), **given)

    return _with_list(
        with_targets,
        "Read more targets from FILE, one per line; # starts a comment, - is standard input. A line may end in the "
        "commit that was checked before: ORG/NAME --since REV, or ORG/NAME REV.",
    )


def _with_list(command: Command, help_text: str) -> Command:
    option = click.option(
        "-f", "--from-file", metavar="FILE", type=click.File(encoding="utf-8-sig", errors="surrogateescape"),
        help=help_text,
    )  # fmt: skip
    return click.argument("targets", nargs=-1, metavar="[TARGET]...")(option(command))


def _listed(file: TextIO) -> Iterator[ListedTarget]:
    from lineage.answers.listed import read_list

    name: str = getattr(file, "name", "-")
    return read_list(_lines(file), None if file is sys.stdin or name in ("-", "<stdin>") else name)


def _lines(file: TextIO | None) -> list[tuple[int, str]]:
    """Read the lines of a file with their numbers, without comments and blank lines.

    Bytes that are not UTF-8 become lone surrogates, as in arguments of the command line: they may be the name of a
    folder. In the id of a model they are an error of this target, and the other targets are read. Raises BadParameter
    for a file that is not a text, such as a file of weights.
    """
    if file is None:
        return []
    lines = [(number, line) for number, line in enumerate(map(_without_comment, file), 1) if line]
    if 2 * sum(_is_binary(line) for _, line in lines) > len(lines):
        raise click.BadParameter(f"{file.name!r} is not UTF-8 text", param_hint="--from-file")
    return lines


def _is_binary(line: str) -> bool:
    """Return whether a line has both control characters and bytes that are not UTF-8."""
    return any(each < " " for each in line) and any("\udc80" <= each <= "\udcff" for each in line)


def _without_comment(line: str) -> str:
    """Remove the comment from a line; a # inside a word is part of a path."""
    return f" {line}".replace("\t", " ").split(" #", 1)[0].strip()


def level(help_text: str) -> Decorator:
    """Add `--level` to a command; its meaning depends on the command, so the help text is an argument."""
    return click.option("--level", type=click.Choice(LEVELS), help=help_text)


def fail_on(default: str | None) -> Decorator:
    """Add `--fail-on` to a command that reports findings; without a default, findings do not change the exit code."""
    return click.option(
        "--fail-on", metavar="SEVERITY|RULE,...", default=default, show_default=default is not None,
        help="Exit with 1 only for findings of this severity (info, warning, error) or a higher one, and of these "
        "rules; the others are listed.",
    )  # fmt: skip


def jobs(command: Command) -> Command:
    """Add `--jobs` to a command that reads models."""
    option = click.option(
        "-j", "--jobs", type=click.IntRange(min=1, max=MOST_JOBS), metavar="N",
        help="Read N models at a time.  [default: 8, on a local Hub one for each core]",
    )  # fmt: skip
    wrapped: Command = option(command)
    return wrapped


def max_bytes(default: int) -> Decorator:
    """Add `--max-bytes` to a command."""
    return click.option(
        "--max-bytes", type=Bytes(), default=default, metavar="SIZE",
        help=f"Read at most SIZE bytes of weights per Hub model, such as 2GiB.  [default: {default // 10**6}MB]",
    )  # fmt: skip


class Bytes(click.ParamType[int]):
    """Parse a number of bytes with or without a unit: 64000000, 64MB, 2GiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert the text to a number of bytes."""
        from lineage.hub.bounds import MAX_SIZE

        if isinstance(value, int):
            return value
        text = str(value).strip().replace("_", "")
        digits = text.rstrip("BbKkMmGgTtIi ")
        unit = UNITS.get(text[len(digits) :].strip().upper())
        try:
            number = float(digits)
        except ValueError:
            number = -1.0
        if unit is None or not 0 <= number * unit < MAX_SIZE:
            self.fail(f"{value!r} is not a size; write 64000000, 64MB or 2GiB", param, ctx)
        return int(number * unit)
