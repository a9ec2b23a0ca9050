"""Run jobs side by side on threads; none of them goes on after the caller."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar, copy_context
from functools import partial
from itertools import count
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

File = TypeVar("File")
Result = TypeVar("Result")

GRACE_SECONDS = 1.0
"""After Ctrl-C, how long threads are waited for: one that waits for the network cannot be woken, and is left to end
with the process."""

MOST_THREADS = 16
"""Threads that hash at a time: more would wait for the disk."""

LARGE_BYTES = 16 << 20
"""Smaller files are hashed by one thread: another one costs more than it saves."""

_NAP_SECONDS = 0.1

_STOPPED: ContextVar[tuple[Callable[[], bool], ...]] = ContextVar("lineage_stopped", default=())

SLOT: ContextVar[int] = ContextVar("lineage_slot", default=0)
"""The number of the thread of a `Crew` in which a job runs, 0 outside: each thread keeps open what it reads."""


def usable_cores() -> int:
    """Count the cores that this process may use, up to MOST_THREADS."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, MOST_THREADS)


class StoppedError(BaseException):
    """End a job whose result is not wanted any more; it never leaves `side_by_side`.

    Not an Exception: `lineage.unexpected` would report it as an error of the model.
    """


def check_stopped() -> None:
    """Raise StoppedError if this job is to end: jobs call this between two pieces of their work."""
    if any(stopped() for stopped in _STOPPED.get()):
        raise StoppedError


def pause(seconds: float) -> None:
    """Sleep; inside a job that is to end, raise StoppedError instead of sleeping on."""
    if not _STOPPED.get():
        time.sleep(seconds)
        return
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check_stopped()
        time.sleep(min(left, _NAP_SECONDS))


def side_by_side(jobs: Sequence[Callable[[], Result]], threads: int) -> list[Result]:
    """Run jobs on up to that many threads, and return their results in the order of the jobs.

    Jobs begin in their order. After a failure those behind it are stopped and those before it finish, so that the error
    is the one that a run of one job after another raises. With one thread or one job no thread is started.
    """
    if min(threads, len(jobs)) < 2:
        return [job() for job in jobs]
    return _Run(jobs).finish(min(threads, len(jobs)))


def read_set(files: Sequence[File], sizes: Sequence[int], read: Callable[[File, int], Result]) -> list[Result]:
    """Read files on this machine with all cores; `read` gets a file and the number of threads that it may use.

    Small files are read one after another. Of several errors the one of the first file is raised.
    """
    cores = usable_cores() if sum(sizes) >= LARGE_BYTES else 1
    jobs = [partial(read, *each) for each in zip(files, threads_for(sizes, cores), strict=True)]
    return side_by_side(jobs, cores)


def threads_for(sizes: Sequence[int], cores: int) -> list[int]:
    """Choose the threads of each file of a set, of which `cores` are hashed at a time.

    Each gets one as long as there are as many files as cores. The cores that would rest while the last files are hashed
    are shared out among these: of three shards on two cores, the last gets both. Small files do not count.
    """
    large = [number for number, size in enumerate(sizes) if size >= max(LARGE_BYTES, max(sizes, default=0) // 4)]
    last = len(large) % cores
    threads = [1] * len(sizes)
    for number in large[len(large) - last :]:
        threads[number] = cores // last
    return threads


class _Outcome(Generic[Result]):
    """Hold what a job returned or raised; as a context manager it keeps any error from the thread that runs it."""

    def __init__(self) -> None:
        self.result: list[Result] = []
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return True


class _Run(Generic[Result]):
    """Share the jobs out among threads."""

    def __init__(self, jobs: Sequence[Callable[[], Result]]) -> None:
        self._jobs = jobs
        self._outcomes: list[_Outcome[Result]] = [_Outcome() for _ in jobs]
        self._numbers: Iterator[int] = count()
        self._lock = threading.Lock()
        self._end = len(jobs)  # jobs from here on are stopped

    def finish(self, threads: int) -> list[Result]:
        """Run all jobs; raise the error of the first that failed."""
        workers = [
            threading.Thread(target=copy_context().run, args=(self._work,), name="lineage-job", daemon=True)
            for _ in range(threads)
        ]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        finally:
            self._stop_from(0)
            deadline = time.monotonic() + GRACE_SECONDS
            for worker in workers:
                if worker.ident is not None:
                    worker.join(max(0.0, deadline - time.monotonic()))
        for outcome in self._outcomes:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.result[0] for outcome in self._outcomes]

    def _work(self) -> None:
        """Run one job after another until none is left."""
        outer = _STOPPED.get()
        while (number := self._take()) is not None:
            _STOPPED.set((*outer, lambda number=number: number >= self._end))  # type: ignore[misc]
            with (outcome := self._outcomes[number]):
                outcome.result.append(self._jobs[number]())
            if outcome.error is not None:
                self._stop_from(number + 1)

    def _take(self) -> int | None:
        with self._lock:
            number = next(self._numbers)
            return number if number < self._end else None

    def _stop_from(self, number: int) -> None:
        with self._lock:
            self._end = min(self._end, number)


class Crew(Generic[Result]):
    """Run jobs on up to `threads` threads; each result is given when its job is finished, in whatever order.

    With one thread jobs run in the caller, in the order in which they were started. An error of a job is raised by
    `next`. When the block ends, jobs that still run are told to stop and are waited for as in `side_by_side`.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._waiting: deque[tuple[int, Callable[[], Result]]] = deque()
        self._finished: SimpleQueue[tuple[int, _Outcome[Result]]] = SimpleQueue()
        self._workers: dict[int, threading.Thread] = {}
        self._free = list(range(threads, 0, -1))
        self._slots: dict[int, int] = {}
        self._is_over = False

    @property
    def running(self) -> int:
        """Count the jobs that were started and whose result was not given yet."""
        return len(self._waiting) + len(self._workers)

    @property
    def has_room(self) -> bool:
        """Return whether another job would begin at once."""
        return self.running < self._threads

    def start(self, number: int, job: Callable[[], Result]) -> None:
        """Start a job that `next` will name by its number."""
        if self._threads < 2:
            self._waiting.append((number, job))
            return
        self._slots[number] = self._free.pop()
        context = copy_context()
        context.run(SLOT.set, self._slots[number])
        context.run(_STOPPED.set, (*_STOPPED.get(), lambda: self._is_over))
        worker = threading.Thread(
            target=context.run, args=(self._work, number, job), name=f"lineage-job-{number}", daemon=True
        )
        self._workers[number] = worker
        worker.start()

    def _work(self, number: int, job: Callable[[], Result]) -> None:
        with (outcome := _Outcome[Result]()):
            outcome.result.append(job())
        self._finished.put((number, outcome))

    def next(self) -> tuple[int, Result]:
        """Wait for the next job that is finished, and return its number and its result. Raises the job's error."""
        if self._waiting:
            number, job = self._waiting.popleft()
            return number, job()
        number, outcome = self._finished.get()
        del self._workers[number]
        self._free.append(self._slots.pop(number))
        if outcome.error is not None:
            raise outcome.error
        return number, outcome.result[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in self._workers.values():
            worker.join(max(0.0, deadline - time.monotonic()))
