"""Atomic writing of a user's file: in full, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lineage.errors import InputError


@contextmanager
def replacing(path: Path, hint: str) -> Iterator[IO[bytes]]:
    """Open a file for writing that replaces `path` when the block ends without an error.

    Until then it has a hidden name in the same folder, so that a reader sees the old content or the new and never half
    of it; after an error it is removed, and `path` is unchanged. A link is followed, and the new file has the old one's
    permissions. A path that exists and is not a regular file (`/dev/stdout`, a pipe) is written to directly. Raises
    InputError with `hint` for a file that cannot be written.
    """
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                if target.exists():
                    part.chmod(target.stat().st_mode & 0o777)
                yield file
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{target} could not be written: {error.strerror}", hint=hint) from error
