"""What of a product's source tree was not searched, and why."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.record import Record

LeftOutReason = Literal[
    "excluded",
    "ignored",
    "installed",
    "too_large",
    "too_many",
    "too_deep",
    "binary",
    "link",
    "unreadable",
    "in_part",
    "own",
]
"""Why a file or folder was not searched.

`excluded`: `--exclude`. `ignored`: a .gitignore, and git does not track it. `installed`: an environment or installed
packages. `too_large`, `too_many` and `too_deep`: a limit. `binary`: zero bytes in a source. `link`: it leads to nothing
that is searched. `unreadable`: the system or its encoding. `in_part`: not valid, so that a part was read.
`own`: an answer or a baseline of lineage, which repeats what the sources name.
"""

BY_CHOICE: tuple[LeftOutReason, ...] = ("excluded", "ignored", "installed", "own")
"""Reasons that a user chose, and our own files; what was left out for any other reason is unchecked."""


class LeftOut(Record):
    """Name a file of the tree that was not searched, or with a slash at its end a folder."""

    path: str
    reason: LeftOutReason
