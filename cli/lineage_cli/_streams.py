"""Standard output and standard error: messages to people, closed streams, encodings that know ASCII only."""

from __future__ import annotations

import os
import sys
from typing import IO

from lineage.report.text import visible

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
