"""Jobs on threads: their results, their errors, and that none goes on afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from lineage.side_by_side import SLOT, Crew, StoppedError, check_stopped, pause, side_by_side
from tests.support.interruptible import interruptible


def endless() -> int:
    """Work until it is stopped."""
    while True:
        check_stopped()
        time.sleep(0.001)


def failing(message: str, after: float = 0.0) -> Callable[[], int]:
    def job() -> int:
        time.sleep(after)
        raise ValueError(message)

    return job


def late(value: int, seconds: float) -> Callable[[], int]:
    def job() -> int:
        time.sleep(seconds)
        return value

    return job


@pytest.mark.parametrize("threads", [0, 1, 2, 3, 8])
def test_results_are_in_order(threads: int) -> None:
    """However many threads there are and however long each job takes, results are in the order of the jobs."""
    jobs = [late(number, 0.01 * (7 - number)) for number in range(7)]
    assert side_by_side(jobs, threads) == list(range(7))


def test_jobs_run_at_the_same_time() -> None:
    """Two jobs that wait for each other both end."""
    barrier = threading.Barrier(2, timeout=20)
    assert sorted(side_by_side([barrier.wait, barrier.wait], 2)) == [0, 1]


def test_one_thread_is_the_callers() -> None:
    """Where nothing can run side by side no thread is started."""
    names = [*side_by_side([threading.get_ident], 8), *side_by_side([threading.get_ident] * 3, 1)]
    assert set(names) == {threading.get_ident()}


def test_a_failure_stops_those_behind_it() -> None:
    """Jobs after the one that failed end, running or not, and their threads are gone."""
    started: list[int] = []

    def counted() -> int:
        started.append(1)
        return endless()

    before = threading.active_count()
    with pytest.raises(ValueError, match="broken"):
        side_by_side([failing("broken", 0.05), *[counted] * 50], 4)
    assert len(started) == 3
    assert threading.active_count() == before


def test_the_first_error_in_order_is_raised() -> None:
    """A job before the one that failed finishes, so that two failures always give the same error."""
    for _ in range(5):
        with pytest.raises(ValueError, match="first"):
            side_by_side([failing("first", 0.05), failing("second"), endless], 3)


def test_a_pause_ends_with_the_job() -> None:
    """A long sleep inside a job that is stopped does not keep the caller."""

    def asleep() -> int:
        pause(600)
        return 0

    begin = time.monotonic()
    with pytest.raises(ValueError, match="broken"):
        side_by_side([failing("broken"), asleep], 2)
    assert time.monotonic() - begin < 30


def test_a_pause_outside_of_jobs_sleeps() -> None:
    """Without a job that could be stopped a pause is a sleep."""
    begin = time.monotonic()
    pause(0.05)
    assert time.monotonic() - begin >= 0.05
    check_stopped()


def test_jobs_inside_a_job_end_with_it() -> None:
    """The jobs that a stopped job has started itself are stopped too."""
    ended: list[str] = []

    def watched() -> int:
        try:
            return endless()
        except StoppedError:
            ended.append("inner")
            raise

    def outer() -> int:
        return sum(side_by_side([watched, watched], 2))

    before = threading.active_count()
    with pytest.raises(ValueError, match="broken"):
        side_by_side([failing("broken", 0.05), outer], 2)
    assert ended == ["inner", "inner"]
    assert threading.active_count() == before


INTERRUPTED = """
import sys, threading, time
from lineage.side_by_side import check_stopped, side_by_side
def endless():
    print("begun", flush=True)
    while True:
        check_stopped()
try:
    side_by_side([endless, endless], 2)
except KeyboardInterrupt:
    end = time.monotonic() + 30
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.05)
    sys.exit(40 + threading.active_count())
"""


def test_ctrl_c_ends_all_threads() -> None:
    """Ctrl-C reaches the caller at once, and the threads end, on a busy machine a little later."""
    with interruptible():
        process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE)
    assert process.stdout
    assert [process.stdout.readline() for _ in range(2)] == [b"begun\n"] * 2
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 41
    process.stdout.close()


def test_a_crew_gives_results_as_they_come() -> None:
    """The job that ends first is given first, and its thread is free for another one."""
    with Crew[int](2) as crew:
        crew.start(0, late(10, 0.5))
        crew.start(1, late(11, 0.0))
        assert not crew.has_room
        assert crew.next() == (1, 11)
        assert crew.has_room
        crew.start(2, late(12, 0.0))
        assert [crew.next(), crew.next()] == [(2, 12), (0, 10)]
        assert crew.running == 0


def test_a_crew_of_one_runs_in_the_caller() -> None:
    """With one thread jobs run in the caller, one after another, in the order in which they were started."""
    with Crew[int](1) as crew:
        for number in range(3):
            crew.start(number, threading.get_ident)
        assert [crew.next() for _ in range(3)] == [(number, threading.get_ident()) for number in range(3)]


def test_jobs_of_a_crew_have_slots_of_their_own() -> None:
    """Two jobs at the same time have different slots, and a later one has one of theirs."""
    barrier = threading.Barrier(2, timeout=20)

    def slot() -> int:
        barrier.wait()
        return SLOT.get()

    with Crew[int](2) as crew:
        crew.start(0, slot)
        crew.start(1, slot)
        slots = {crew.next()[1], crew.next()[1]}
        crew.start(2, SLOT.get)
        assert len(slots) == 2
        assert crew.next()[1] in slots
    assert SLOT.get() == 0


def test_an_error_of_a_job_ends_a_crew() -> None:
    """The error is raised where the result would be given, and the other jobs are stopped."""
    before = threading.active_count()
    with Crew[int](2) as crew:
        crew.start(0, endless)
        crew.start(1, failing("broken", 0.05))
        with pytest.raises(ValueError, match="broken"):
            crew.next()
    assert threading.active_count() == before
