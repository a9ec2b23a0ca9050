"""Retry requests to the Hub, and slow down before its rate limit is used up."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from lineage.log import Log
from lineage.progress import Progress
from lineage.side_by_side import pause

if TYPE_CHECKING:
    from tenacity import RetryCallState

LOG = Log(__name__)

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

LAST_REQUESTS = 10
"""How many requests, the last of a rate-limit window, are spread over the rest of its time."""

NOTE_SECONDS = 2.0
"""Longer waits than this are reported as progress notes."""

_SAME_WINDOW_SECONDS = 2.0
"""Ends of windows that are not further apart are those of one window: the headers hold whole seconds."""

_RATE_LIMIT = re.compile(r'"\w+"\s*;\s*r\s*=\s*([0-9]{1,9})\s*;\s*t\s*=\s*([0-9]{1,9})(?![0-9])')

Result = TypeVar("Result")


@dataclass(frozen=True)
class RetryPolicy:
    """Hold the limits of retries, the same for every request; tests use a policy that does not wait.

    `tries` counts the first one too. `longest` is the number of seconds that one request may wait between its tries,
    in all; it exceeds the Hub's rate-limit window of 300 seconds. `timeout` is for connecting and for each read.
    """

    tries: int = 6
    longest: float = 660.0
    timeout: float = 30.0
    sleep: Callable[[float], None] = pause
    clock: Callable[[], float] = time.monotonic


class TransientError(Exception):
    """Report a failure that the next try may not have.

    `wait` is the number of seconds that the server asks for; `rate_limited` means that its rate limit is used up,
    `is_refused` that there was no connection to it.
    """

    def __init__(
        self, reason: str, wait: float | None = None, *, rate_limited: bool = False, is_refused: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.rate_limited = rate_limited
        self.is_refused = is_refused


def rate_limit(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Read from `RateLimit` how many requests remain and in how many seconds the window ends."""
    found = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    return (int(found[1]), int(found[2])) if found else None


def asked_to_wait(status: int, headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how many seconds the server asks to wait; None where it does not.

    After a 429 with nothing left in `RateLimit`, the wait is until the window ends, and one second for rounding.
    `Retry-After` holds seconds or a date. Header names must be in lower case, or `headers` ignore case.
    """
    limit = rate_limit(headers)
    if status == 429 and limit is not None and limit[0] == 0:
        return limit[1] + 1.0
    value = headers.get("retry-after", "").strip()
    if value.isdecimal() and len(value) < 10:
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date - (now or datetime.now(UTC))).total_seconds()) if date.tzinfo else None
    except (ValueError, OverflowError):
        return None


def retry(
    request: Callable[[], Result],
    policy: RetryPolicy,
    progress: Progress,
    what: str,
    is_news: Callable[[TransientError], bool] = lambda fault: True,
) -> Result:
    """Send a request until it succeeds, or until the policy allows no further try.

    `request` raises TransientError for a failure that is worth another try; the last one is raised at the end. The wait
    between two tries is the one that the server asks for, else it doubles from half a second up to 8, with jitter. A
    wait that would exceed the rest of `policy.longest` is not begun. `what` names the request in notes, and `is_news`
    says whether a long wait is worth one.
    """
    import tenacity

    jittered = tenacity.wait_random_exponential(multiplier=1, min=0.5, max=8)

    def wait(state: RetryCallState) -> float:
        fault = _fault(state)
        return jittered(state) if fault.wait is None else fault.wait

    def stop(state: RetryCallState) -> bool:
        too_long = state.idle_for + state.upcoming_sleep > policy.longest
        return too_long or state.attempt_number >= policy.tries

    def note(state: RetryCallState) -> None:
        LOG.info("%s: %s; retrying in %.1f s", what, _fault(state).reason, state.upcoming_sleep)
        if state.upcoming_sleep > NOTE_SECONDS and is_news(_fault(state)):
            progress.note(f"{what}: {_fault(state).reason}; retrying in {state.upcoming_sleep:.0f} s")

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientError),
        wait=wait,
        stop=stop,
        before_sleep=note,
        sleep=policy.sleep,
        reraise=True,
    )
    return retrying(request)


def _fault(state: RetryCallState) -> TransientError:
    """Return the error of the last try."""
    fault = state.outcome.exception() if state.outcome else None
    assert isinstance(fault, TransientError)
    return fault


class Pace:
    """Slow down before a rate limit is used up.

    The Hub counts three kinds of requests (api, resolvers, pages) separately in fixed windows of time, and every answer
    says how many remain. All but the last few requests of a window are sent at once; those are spread over the rest of
    its time, so that a long collection reaches the next window without a 429. With 10 requests and 110 seconds left,
    one is sent every 10 seconds. Safe to use from several threads.
    """

    def __init__(self, policy: RetryPolicy, progress: Progress) -> None:
        self._policy = policy
        self._progress = progress
        self._windows: dict[str, tuple[int, float]] = {}
        self._refused: dict[str, str] = {}
        self._noted: dict[str, float] = {}
        self._lock = threading.Lock()

    def learn(self, kind: str, headers: Mapping[str, str]) -> None:
        """Record what remains for requests of this kind.

        Within one window the lower of the header and our own count holds: the server made the header before it
        counted the requests that other threads have sent since.
        """
        limit = rate_limit(headers)
        if limit is None:
            return
        remaining, end = limit[0], self._policy.clock() + limit[1]
        with self._lock:
            counted, until = self._windows.get(kind, (remaining, end))
            if abs(until - end) <= _SAME_WINDOW_SECONDS:
                remaining, end = min(counted, remaining), max(until, end)
            self._windows[kind] = (remaining, end)

    def refused(self, kind: str, path: str, headers: Mapping[str, str]) -> None:
        """Record a 429 for a path.

        The request itself waits as long as its headers ask. Others wait with it only after a second path was refused
        with no other answer between: the first one may be limited alone.
        """
        with self._lock:
            first = self._refused.setdefault(kind, path)
        if first != path:
            self.learn(kind, headers)

    def answered(self, kind: str, headers: Mapping[str, str]) -> None:
        """Record an answer other than 429."""
        with self._lock:
            self._refused.pop(kind, None)
        self.learn(kind, headers)

    def wait(self, kind: str) -> None:
        """Sleep before a request of this kind, if few remain."""
        seconds = self._due(kind)
        if seconds <= 0:
            return
        LOG.info("the rate limit for %s is nearly used up: waiting %.1f s", kind, seconds)
        if seconds > NOTE_SECONDS and self._is_news(kind):
            self._progress.note(f"waiting {seconds:.0f} s: the Hub's rate limit for this account is nearly used up")
        self._policy.sleep(seconds)

    def _is_news(self, kind: str) -> bool:
        """Return whether this is the first wait in a window: one note a window is enough."""
        with self._lock:
            end = self._windows.get(kind, (0, 0.0))[1]
            is_news = abs(self._noted.get(kind, 0.0) - end) > _SAME_WINDOW_SECONDS
            self._noted[kind] = end
            return is_news

    def _due(self, kind: str) -> float:
        """Return the seconds to wait, and count the request that follows."""
        with self._lock:
            remaining, end = self._windows.get(kind, (LAST_REQUESTS + 1, 0.0))
            left = end - self._policy.clock()
            if left <= 0:
                self._windows.pop(kind, None)
                return 0.0
            # Counted here and not only in `learn`: answers to requests that other threads have sent are still to come.
            self._windows[kind] = (max(0, remaining - 1), end)
        if remaining > LAST_REQUESTS:
            return 0.0
        # Example: with 10 requests and 110 s left the waits are 110/11 = 10 s, then (110-10)/10 = 10 s, and so on: each
        # is computed anew. With none left, wait for the next window, and a second more because the headers round down.
        return min(left / (remaining + 1) if remaining else left + 1.0, self._policy.longest)
