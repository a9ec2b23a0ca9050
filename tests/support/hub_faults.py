"""Faults of the test Hub: each takes what was asked and the true answer's maker, and answers in its own way."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass
class Asked:
    """One request as it came in; `sent` counts the bytes of the answer's body."""

    server: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes = b""
    status: int = 0
    sent: int = 0


@dataclass
class Answer:
    """One answer. `length` overrides Content-Length; `keep` sends that many bytes of the body and hangs up.

    Not `sized`, it has no Content-Length and ends when the connection does.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    keep: int | None = None
    sized: bool = True


Fault = Callable[[Asked, Callable[[Asked], Answer]], Answer]


@dataclass
class SwitchedFault:
    """A fault, the paths that it strikes, and how often it still will (None: always)."""

    pattern: str
    fault: Fault
    times: int | None
    method: str | None

    def strikes(self, asked: Asked) -> bool:
        """Tell whether this request is struck, and count it."""
        if self.times == 0 or self.method not in (None, asked.method) or not fnmatchcase(asked.path, self.pattern):
            return False
        if self.times is not None:
            self.times -= 1
        return True


def refused(status: int, code: str | None = None, message: str | None = None, **headers: str) -> Fault:
    """Answer with an error, its X-Error-Code, and further headers (`retry_after` is sent as Retry-After)."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if code:
        sent["X-Error-Code"] = code
    if message:
        sent["X-Error-Message"] = message
    return lambda asked, answer: Answer(status, b'{"error":"refused by the test"}', sent)


def not_found() -> Fault:
    """Answer as the Hub does to anonymous people for missing and for private repositories."""
    return refused(401, "RepoNotFound", "Repository not found")


def gated(status: int = 401) -> Fault:
    """Answer as the Hub does for files of a gated repository."""
    return refused(status, "GatedRepo", "Access to this model is restricted")


def disabled() -> Fault:
    """Answer as the Hub does for a repository that it has taken offline."""
    return refused(403, None, "Access to this resource is disabled.")


def rate_limited(seconds: int = 1) -> Fault:
    """Answer 429 with the headers that say when the window ends."""
    return refused(
        429, None, None, RateLimit=f'"api";r=0;t={seconds}', RateLimit_Policy='"fixed window";"api";q=500;w=300'
    )


def cut_body(keep: int) -> Fault:
    """Hang up after `keep` bytes of the body."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        true = answer(asked)
        true.keep = keep
        return true

    return strike


def wrong_length(difference: int) -> Fault:
    """Announce a Content-Length that is off by `difference`, and send what fits."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        true = answer(asked)
        true.length = len(true.body) + difference
        true.keep = min(len(true.body), true.length)
        return true

    return strike


def unsized(difference: int = 0) -> Fault:
    """Send the body without its length, shorter by some bytes or longer by some more."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        true = answer(asked)
        true.body = true.body[:difference] if difference < 0 else true.body + b"x" * difference
        true.sized, true.keep = False, len(true.body)
        return true

    return strike


def without(header: str) -> Fault:
    """Leave a header out."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        true = answer(asked)
        true.headers.pop(header, None)
        return true

    return strike


def replaced(header: str, value: str) -> Fault:
    """Send another value in a header."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        true = answer(asked)
        true.headers[header] = value
        return true

    return strike


def range_ignored() -> Fault:
    """Answer 200 with the whole file, whatever range was asked for."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        asked.headers.pop("range", None)
        return answer(asked)

    return strike


def wrong_range(shift: int) -> Fault:
    """Answer 206 and claim another start in Content-Range."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        true = answer(asked)
        span, total = true.headers["Content-Range"].removeprefix("bytes ").split("/")
        start, end = (int(part) for part in span.split("-"))
        true.headers["Content-Range"] = f"bytes {start + shift}-{end + shift}/{total}"
        return true

    return strike


def gzipped() -> Fault:
    """Compress the body although the client did not ask for it."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        true = answer(asked)
        true.body = gzip.compress(true.body)
        true.headers["Content-Encoding"] = "gzip"
        return true

    return strike


def linked(url: str) -> Fault:
    """Name `url` as the next page: a relative one, or one at another host."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        true = answer(asked)
        true.headers["Link"] = f'<{url}>; rel="next"'
        return true

    return strike


def body_of(text: str, content_type: str = "text/html") -> Fault:
    """Answer 200 with another body: a login page instead of JSON, for one."""
    return lambda asked, answer: Answer(200, text.encode(), {"Content-Type": content_type})


def moved(url: str, status: int = 307) -> Fault:
    """Redirect to `url`."""
    return lambda asked, answer: Answer(status, b"", {"Location": url})


def slow(seconds: float) -> Fault:
    """Answer the truth, late."""

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        time.sleep(seconds)
        return answer(asked)

    return strike
