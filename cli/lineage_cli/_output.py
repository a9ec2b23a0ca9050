"""Where the answer goes: to standard output or to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.atomic import replacing
from lineage.errors import LineageError
from lineage_cli._streams import fitting, has_reader, silence_stdout

if TYPE_CHECKING:
    from lineage.report.text import Document
    from lineage_schemas.record import Record


def show(answer: Record, to_format: str, output: Path | None, *, in_detail: bool = False) -> bool:
    """Write an answer to its output, and return whether all of it was written.

    A reader that closes the pipe early does not change the exit code, and a closed stdout does not either: both return
    False. A pipe that has accepted everything counts as written unless its reader is gone by then.
    """
    from lineage.report.render import render

    rendered = render(answer, to_format, in_detail=in_detail)
    if output is not None:
        write_file(output, _text(rendered))
        return True
    if isinstance(rendered, str):
        return _write(fitting(rendered, sys.stdout, json=to_format == "json"))
    if sys.stdout.isatty():
        from lineage_cli._terminal import write_styled

        write_styled(rendered)
        sys.stdout.flush()
        return True
    return _write(fitting(_text(rendered), sys.stdout))


class Lines:
    """Write answers to stdout as JSON lines, one by one as they come.

    `are_whole` is whether all of them were written: a reader that has closed the pipe is sent nothing more, and the
    models that are left are still checked, because the exit code is about all of them.
    """

    def __init__(self) -> None:
        self.are_whole = True

    def add(self, answer: Record) -> None:
        """Write the line of one answer."""
        from lineage.report.json import to_json_lines

        self.are_whole = self.are_whole and _write(to_json_lines(answer))


def _text(rendered: str | Document) -> str:
    from lineage.report.text import plain

    return rendered if isinstance(rendered, str) else plain(rendered)


def _write(text: str) -> bool:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
        return has_reader(sys.stdout)
    except BrokenPipeError:
        silence_stdout()
        return False
    except OSError as error:
        silence_stdout()
        hint = "check that the disk is not full"
        raise LineageError(f"the answer could not be written: {error.strerror}", hint=hint) from error


def write_file(path: Path, text: str) -> None:
    """Replace a file by an answer, atomically. Raises InputError if it cannot be written."""
    with replacing(path, hint="choose another --output") as file:
        file.write(text.encode("utf-8", "backslashreplace"))
