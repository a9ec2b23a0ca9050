"""Standard output and standard error: messages, closed streams, encodings that cannot hold our symbols."""

from __future__ import annotations

import os
import sys
from typing import IO

from lineage.redaction import without_secrets

ASCII = str.maketrans(
    {
        "│": "|", "├": "|", "└": "`", "─": "-", "→": "->", "↑": "^", "↻": "@", "…": "...", "–": "-", "×": "x",
        "·": "-", "✓": "+", "✗": "!", "“": '"', "”": '"', "’": "'", "✅": "[ok]", "❌": "[!]", "❔": "[?]", "¦": "|",
    }
)  # fmt: skip
"""Replacements of our symbols in an output that is ASCII only."""


def say(kind: str, message: str) -> None:
    """Write `kind: message` to stderr, without secrets.

    Further lines are indented, so that they do not look like another message.
    """
    from lineage.report.text import visible

    first, *others = without_secrets(message).splitlines() or [""]
    lines = [f"{kind}: {visible(first)}", *(f"  {visible(other)}" for other in others)]
    try:
        # In one piece: notes come from several threads.
        print("".join(f"{each}\n" for each in lines), end="", file=sys.stderr, flush=True)
    except OSError:  # stderr is closed; the exit code still reports the error
        silence(sys.stderr)


def silence_stdout() -> None:
    """Redirect a stdout that is no longer read to /dev/null, so that Python closes it without an error."""
    silence(sys.stdout)


def silence(stream: IO[str]) -> None:
    """Redirect a broken stream to /dev/null, so that Python closes it without an error and another exit code."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # not a real file: closing it raises nothing
        return


def has_reader(stream: IO[str]) -> bool:
    """Return whether what was written to a stream can still be read: a closed one leads to /dev/null.

    A pipe may accept a short text although its reader never reads it (`lineage … | head -c 0`); the system reports an
    error on such a pipe once the reader has ended.
    """
    if getattr(stream, "name", None) == os.devnull:
        return False
    try:
        import select

        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # not a real file, or a system without poll
        return True


def fitting(text: str, stream: IO[str], *, json: bool = False) -> str:
    """Replace what the stream's encoding cannot hold: our symbols by ASCII, other characters by escapes."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    if json:
        from lineage.report.json import as_ascii

        return text if encoding in {"utf-8", "utf8"} else as_ascii(text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text
