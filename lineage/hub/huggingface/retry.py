"""RetryPolicy with a Hub: when to ask again, and when to slow down before it has to say so."""

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

if TYPE_CHECKING:
    from tenacity import RetryCallState

LOG = Log(__name__)

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

LAST_REQUESTS = 10
"""How many requests of a rate-limit window are spread over what is left of it, instead of being sent at once."""

TOLD_SECONDS = 2.0
"""Waits beyond this are told to the person who waits too."""

_RATE_LIMIT = re.compile(r'"\w+"\s*;\s*r\s*=\s*([0-9]{1,9})\s*;\s*t\s*=\s*([0-9]{1,9})(?![0-9])')

Answered = TypeVar("Answered")


@dataclass(frozen=True)
class RetryPolicy:
    """Say how long to try: the same for every request, and replaced in tests by one that waits for nothing.

    `tries` counts the first one too. `longest` is the sum of seconds that one request may wait between its tries;
    it exceeds the Hub's rate-limit window of 300 seconds. `timeout` is for connecting and for each read.
    """

    tries: int = 6
    longest: float = 660.0
    timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


class TransientError(Exception):
    """Report a failure that may be gone at the next try.

    `wait` is what the server asks for, in seconds, and `rate_limited` says that it has had enough of our requests.
    """

    def __init__(self, reason: str, wait: float | None = None, *, rate_limited: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.rate_limited = rate_limited


def rate_limit(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Read from `RateLimit` how many requests remain and in how many seconds the window ends."""
    found = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    return (int(found[1]), int(found[2])) if found else None


def asked_to_wait(status: int, headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how many seconds the server wants us to wait, None where it does not say.

    A 429 whose `RateLimit` has nothing left is over when its window ends; one second more covers rounding.
    `Retry-After` counts seconds or names a date. Header names are expected in lower case, or in a mapping that does
    not mind.
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


def retry(ask: Callable[[], Answered], policy: RetryPolicy, progress: Progress, what: str) -> Answered:
    """Ask until there is an answer, or until the policy allows no further try.

    `ask` raises TransientError for what is worth another try; the last one is raised again at the end. Waits are the
    server's own where it names one, else they double from half a second up to 8 with jitter. A wait that would
    exceed what is left of `policy.longest` is not begun.
    """
    import tenacity

    jittered = tenacity.wait_random_exponential(multiplier=1, min=0.5, max=8)

    def wait(state: RetryCallState) -> float:
        fault = _fault(state)
        return jittered(state) if fault.wait is None else fault.wait

    def enough(state: RetryCallState) -> bool:
        too_long = state.idle_for + state.upcoming_sleep > policy.longest
        return too_long or state.attempt_number >= policy.tries

    def tell(state: RetryCallState) -> None:
        LOG.info("%s: %s; trying again in %.1f s", what, _fault(state).reason, state.upcoming_sleep)
        if state.upcoming_sleep > TOLD_SECONDS:
            progress.note(f"{what}: {_fault(state).reason}; trying again in {state.upcoming_sleep:.0f} s")

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientError),
        wait=wait,
        stop=enough,
        before_sleep=tell,
        sleep=policy.sleep,
        reraise=True,
    )
    return retrying(ask)


def _fault(state: RetryCallState) -> TransientError:
    """Take the fault of the last try out of tenacity's record of it."""
    fault = state.outcome.exception() if state.outcome else None
    assert isinstance(fault, TransientError)
    return fault


class Pace:
    """Slow down before a rate limit is used up.

    The Hub counts three kinds of requests apart (api, resolvers, pages) in fixed windows, and says with every answer
    what remains. All but the last few requests of a window are sent at once; those are spread over what is left
    of it, so that a long collection slides into the next window without a 429. Safe to use from several threads.
    """

    def __init__(self, policy: RetryPolicy, progress: Progress) -> None:
        self._policy = policy
        self._progress = progress
        self._windows: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def learn(self, kind: str, headers: Mapping[str, str]) -> None:
        """Take note of what remains for requests of this kind."""
        limit = rate_limit(headers)
        if limit is not None:
            with self._lock:
                self._windows[kind] = (limit[0], self._policy.clock() + limit[1])

    def wait(self, kind: str) -> None:
        """Sleep before a request of this kind for as long as the pace asks."""
        seconds = self._due(kind)
        if seconds <= 0:
            return
        LOG.info("the rate limit for %s is nearly used up: waiting %.1f s", kind, seconds)
        if seconds > TOLD_SECONDS:
            self._progress.note(f"waiting {seconds:.0f} s: the Hub's rate limit for this account is nearly used up")
        self._policy.sleep(seconds)

    def _due(self, kind: str) -> float:
        """Work out the wait, and count the request that will follow it."""
        with self._lock:
            remaining, end = self._windows.get(kind, (LAST_REQUESTS + 1, 0.0))
            left = end - self._policy.clock()
            if left <= 0:
                self._windows.pop(kind, None)
                return 0.0
            self._windows[kind] = (max(0, remaining - 1), end)
        if remaining > LAST_REQUESTS:
            return 0.0
        return min(left / (remaining + 1) if remaining else left + 1.0, self._policy.longest)
