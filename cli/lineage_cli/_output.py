"""Where words go: the answer to stdout or a file, talk to stderr."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lineage.errors import InputError, LineageError
from lineage.progress import Progress
from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage.report.text import Document
    from lineage_schemas.record import Record

ASCII = str.maketrans(
    {
        "│": "|", "├": "|", "└": "`", "─": "-", "→": "->", "↑": "^", "↻": "@", "…": "...", "–": "-", "×": "x",
        "·": "-", "✓": "+", "✗": "!", "“": '"', "”": '"', "’": "'", "✅": "[ok]", "❌": "[!]", "❔": "[?]", "¦": "|",
    }
)  # fmt: skip
"""Our own characters for an output that knows ASCII only."""


def say(kind: str, message: str) -> None:
    """Write `kind: message` to stderr; a message of several lines cannot pass for another message."""
    first, *others = message.splitlines() or [""]
    lines = [f"{kind}: {visible(first)}", *(f"  {visible(other)}" for other in others)]
    try:
        print("\n".join(lines), file=sys.stderr, flush=True)
    except OSError:  # nobody listens; the exit code still tells
        silence(sys.stderr)


class Notes(Progress):
    """Write what the library tells a person to stderr, and draw nothing: for pipes and logs."""

    def note(self, message: str) -> None:
        """Write one note."""
        say("note", message)


def listener(*, quiet: bool) -> Progress:
    """Choose who listens to the library: nobody, a log, or a terminal with bars."""
    if quiet:
        return Progress()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from lineage_cli._progress import Bars

        return Bars()
    return Notes()


def show(answer: Record, to_format: str, output: Path | None) -> None:
    """Write an answer where it was asked for. A reader who leaves early does not change the exit code."""
    from lineage.report.render import render

    rendered = render(answer, to_format)
    if output is not None:
        write_file(output, _text(rendered))
    elif isinstance(rendered, str):
        _write(fitting(rendered, sys.stdout, json=to_format == "json"))
    elif sys.stdout.isatty():
        from lineage_cli._terminal import write_styled

        write_styled(rendered)
    else:
        _write(fitting(_text(rendered), sys.stdout))


def _text(rendered: str | Document) -> str:
    from lineage.report.text import plain

    return rendered if isinstance(rendered, str) else plain(rendered)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    except OSError as error:
        silence_stdout()
        raise LineageError(f"the answer could not be written: {error.strerror}", hint="is the disk full?") from error


def silence_stdout() -> None:
    """Let Python close a stdout that nobody reads without a complaint."""
    silence(sys.stdout)


def silence(stream: IO[str]) -> None:
    """Let Python close a stream that takes nothing any more without a complaint and an exit code of its own."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # not a real file: nothing will complain
        return


def fitting(text: str, stream: IO[str], *, json: bool = False) -> str:
    """Write what the stream's encoding cannot hold otherwise: our signs in ASCII, foreign letters as escapes."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    if json:
        from lineage.report.json import as_ascii

        return text if encoding in {"utf-8", "utf8"} else as_ascii(text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def write_file(path: Path, text: str) -> None:
    """Replace a file in one step, so that a reader sees the old answer or the new one and never half of it.

    A link keeps pointing where it points; what is no plain file (`/dev/stdout`, a pipe) is written to directly.
    """
    path = path.resolve()
    content = text.encode("utf-8", "backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            beside.write_bytes(content)
            if path.exists():
                beside.chmod(path.stat().st_mode & 0o777)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} could not be written: {error.strerror}", hint="choose another --output") from error
