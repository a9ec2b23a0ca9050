"""Running git processes that cannot wait for ever: every time limit starts again when the process prints something."""

from __future__ import annotations

import io
import os
import select
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_SECONDS = 4 * 3600.0
"""No process runs longer, even if it prints something from time to time."""

_MAX_STDERR_BYTES = 1_000_000
_CHUNK_BYTES = 1 << 16


def finish(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, *, silence: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a process in `folder` to its end, and return its output and exit code.

    Raises OSError if it cannot be started, and TimeoutError if it prints nothing for `silence` seconds, which ends it.
    Of a very long stderr only the end is returned.
    """
    with subprocess.Popen(
        list(command), env=dict(environment), cwd=folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            out, err = _output(process, silence)
            code = process.wait(silence)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise TimeoutError from error
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(list(command), code, bytes(out), bytes(err))


def _output(process: subprocess.Popen[bytes], silence: float) -> tuple[bytearray, bytearray]:
    """Read stdout and stderr to their ends."""
    out, err = bytearray(), bytearray()
    last = time.monotonic() + MAX_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(open_pipe(process.stdout), selectors.EVENT_READ, out)
        selector.register(open_pipe(process.stderr), selectors.EVENT_READ, err)
        while selector.get_map():
            ready = selector.select(max(0.0, min(silence, last - time.monotonic())))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK_BYTES)
                if not data:
                    selector.unregister(key.fileobj)
                key.data.extend(data)
            del err[: max(0, len(err) - _MAX_STDERR_BYTES)]
    return out, err


def patient_reader(pipe: IO[bytes] | None, silence: float) -> io.BufferedReader:
    """Read the output of a running process; a read raises TimeoutError if nothing comes for `silence` seconds."""
    return io.BufferedReader(_TimedPipe(open_pipe(pipe), silence), _CHUNK_BYTES)


def open_pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe that its process was started with."""
    assert pipe is not None
    return pipe


class _TimedPipe(io.RawIOBase):
    """Read from a pipe, and wait for each portion for a limited time. The pipe stays its owner's to close."""

    def __init__(self, pipe: IO[bytes], silence: float) -> None:
        self._descriptor = pipe.fileno()
        self._silence = silence
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def readable(self) -> bool:
        """Return True: a pipe of output is only read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there, or wait for it. Raises TimeoutError."""
        if not self._poll.poll(self._silence * 1000):
            raise TimeoutError
        return os.readv(self._descriptor, [buffer])
