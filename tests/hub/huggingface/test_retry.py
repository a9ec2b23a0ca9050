"""Retries of requests to the Hub, their waits, and the pace before a rate limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from lineage.hub.huggingface.retry import (
    LAST_REQUESTS,
    Pace,
    RetryPolicy,
    TransientError,
    asked_to_wait,
    rate_limit,
    retry,
)
from lineage.progress import SILENT
from tests.hub.conftest import Hurry, Listening

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def failing(times: int, wait: float | None = None) -> tuple[list[int], Callable[[], str]]:
    """Make a request that fails `times` times before it succeeds."""
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        if len(asked) <= times:
            raise TransientError("answered 503", wait)
        return "answer"

    return asked, ask


def test_answer_after_failures(hurry: Hurry) -> None:
    """A request that fails for a while succeeds, with doubling waits between the tries."""
    asked, ask = failing(3)
    assert retry(ask, hurry.policy(), SILENT, "hub") == "answer"
    assert len(asked) == 4
    assert [0.5 <= wait <= high for wait, high in zip(hurry.slept, (1, 2, 4), strict=True)] == [True] * 3


def test_retries_end(hurry: Hurry) -> None:
    """A failure that stays is raised after as many tries as the policy allows."""
    asked, ask = failing(99)
    with pytest.raises(TransientError, match="503"):
        retry(ask, hurry.policy(tries=4), SILENT, "hub")
    assert len(asked) == 4
    assert len(hurry.slept) == 3


def test_the_servers_wait_is_kept(hurry: Hurry, listening: Listening) -> None:
    """A wait that the server asks for is kept exactly, and reported when it is long."""
    _, ask = failing(1, wait=42.0)
    retry(ask, hurry.policy(), listening, "hub")
    assert hurry.slept == [42.0]
    assert listening.notes == ["hub: answered 503; retrying in 42 s"]


def test_short_waits_are_silent(hurry: Hurry, listening: Listening) -> None:
    """A wait of two seconds or less is not reported."""
    _, ask = failing(1, wait=2.0)
    retry(ask, hurry.policy(), listening, "hub")
    assert listening.notes == []


def test_a_wait_beyond_the_limit_is_not_begun(hurry: Hurry) -> None:
    """A wait that is longer than the policy allows is not begun."""
    _, ask = failing(1, wait=RetryPolicy().longest + 1)
    with pytest.raises(TransientError):
        retry(ask, hurry.policy(), SILENT, "hub")
    assert hurry.slept == []


def test_waits_add_up(hurry: Hurry) -> None:
    """The sum of all waits of one request stays within the policy's limit."""
    _, ask = failing(99, wait=300.0)
    with pytest.raises(TransientError):
        retry(ask, hurry.policy(), SILENT, "hub")
    assert hurry.slept == [300.0, 300.0]


def test_other_errors_are_not_tried_again(hurry: Hurry) -> None:
    """An error that is not transient is raised at once."""

    def ask() -> str:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        retry(ask, hurry.policy(), SILENT, "hub")
    assert hurry.slept == []


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"ratelimit": '"api";r=0;t=55'}, 56.0),
        (429, {"ratelimit": '"api";r=3;t=55', "retry-after": "7"}, 7.0),
        (503, {"ratelimit": '"api";r=0;t=55'}, None),
        (503, {"retry-after": "120"}, 120.0),
        (503, {"retry-after": "Sat, 21 Nov 2026 12:01:30 GMT"}, 90.0),
        (503, {"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        (503, {"retry-after": "soon"}, None),
        (503, {"retry-after": "-5"}, None),
        (503, {"retry-after": "\xb2"}, None),
        (503, {"retry-after": "9" * 5000}, None),
        (503, {"retry-after": "Fri, 31 Dec 9999 23:59:59 +99999999999999"}, None),
        (429, {"ratelimit": f'"api";r=0;t={"9" * 5000}'}, None),
        (503, {}, None),
    ],
)
def test_asked_to_wait(status: int, headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, dates and the end of a used-up window are read; anything else is no wait."""
    assert asked_to_wait(status, headers, NOW) == seconds


def test_rate_limit_is_read_as_the_client_reads_it() -> None:
    """Our reading of the RateLimit header equals that of the Hub's client."""
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]  # exported lazily

    for value in ('"api";r=0;t=55', '"resolvers"; r = 12 ; t=300', "garbage", ""):
        theirs = parse_ratelimit_headers({"ratelimit": value})
        assert rate_limit({"ratelimit": value}) == (theirs and (theirs.remaining, theirs.reset_in_seconds))


def test_pace_is_free_while_much_remains(hurry: Hurry) -> None:
    """Requests are not slowed as long as the window has more than its last few."""
    pace = Pace(hurry.policy(), SILENT)
    pace.learn("api", {"ratelimit": '"api";r=400;t=300'})
    for _ in range(400 - LAST_REQUESTS):
        pace.wait("api")
    assert hurry.slept == []


def test_pace_spreads_the_last_requests(hurry: Hurry) -> None:
    """The last requests of a window are spread over the rest of its time."""
    pace = Pace(hurry.policy(), SILENT)
    pace.learn("api", {"ratelimit": f'"api";r={LAST_REQUESTS};t=110'})
    started = hurry.now
    for _ in range(LAST_REQUESTS):
        pace.wait("api")
    assert hurry.slept[0] == pytest.approx(10.0)
    assert 90 <= hurry.now - started <= 110


def test_pace_waits_for_the_next_window(hurry: Hurry, listening: Listening) -> None:
    """With nothing left, the next request waits until the window has ended, once."""
    pace = Pace(hurry.policy(), listening)
    pace.learn("api", {"ratelimit": '"api";r=0;t=20'})
    pace.wait("api")
    pace.wait("api")
    assert hurry.slept == [21.0]
    assert len(listening.notes) == 1


def test_buckets_are_apart(hurry: Hurry) -> None:
    """A used-up limit for the API does not slow down reads of files."""
    pace = Pace(hurry.policy(), SILENT)
    pace.learn("api", {"ratelimit": '"api";r=0;t=20'})
    pace.wait("resolvers")
    assert hurry.slept == []
