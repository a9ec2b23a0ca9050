"""The connection to the Hub, through which every request of the Hub's client goes.

This module imports the Hub's client, which is slow: import it only at the first use of the network.
"""

from __future__ import annotations

import math
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple, TypeVar

import httpx2
from huggingface_hub import HfApi, close_session, constants, get_session, set_client_factory
from huggingface_hub.errors import OfflineModeIsEnabled, OIDCError
from huggingface_hub.utils import build_hf_headers, get_token_to_send  # type: ignore[attr-defined]  # exported lazily

import lineage
from lineage.errors import HubAnswerError, HubError, ModelNotFoundError, NoAnswerError, RateLimitedError
from lineage.hub.huggingface.outage import Outage
from lineage.hub.huggingface.refusals import Missing, translated
from lineage.hub.huggingface.retry import RETRIED_STATUSES, Pace, RetryPolicy, TransientError, asked_to_wait, retry
from lineage.log import Log
from lineage.progress import Progress
from lineage.redaction import keep_secret

LOG = Log(__name__)

Asked = TypeVar("Asked")

TOKEN_SECONDS = 60.0
"""Seconds after which the client is asked for the token again: those of trusted publishers are short-lived."""

REDIRECTS = 20
"""Redirects that are remembered: as many as the client follows for one request."""

_END = object()

_STARTED = "lineage_started"
"""The extension of a request that holds the time at which it was sent."""

_FOREIGN = (
    httpx2.HTTPError, httpx2.InvalidURL, OSError,
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What the Hub's client raises: errors of its own, and those of Python if a response lacks what it expects."""

_PASSING = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)


_NO_CONNECTION = (httpx2.ConnectError, httpx2.ConnectTimeout)
"""What the HTTP client raises if no server accepts the connection, or its name is not known."""


class _Line(NamedTuple):
    """Hold whose request is being sent in this thread, about which model, and whether to the Hub or to its storage."""

    connection: Connection
    storage: bool
    model: str | None = None


_LINE: ContextVar[_Line | None] = ContextVar("lineage_hub_line", default=None)


class _Client(httpx2.Client):
    """Send requests of the Hub's client with our retries, pace, timeout and count.

    The Hub's client keeps one HTTP client for the whole process. A context variable marks the requests of a Connection;
    those of other code are sent unchanged.
    """

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send one request, and retry it if that may help."""
        line = _LINE.get()
        if line is None:
            return super().send(request, **options)
        return line.connection.retry(request, lambda: super(_Client, self).send(request, **options))


def _before(request: httpx2.Request) -> None:
    """Check each request, redirected ones too, before it is sent."""
    if constants.is_offline_mode():
        raise OfflineModeIsEnabled(f"HF_HUB_OFFLINE is set: {request.url} was not requested")
    line = _LINE.get()
    if line is not None:
        line.connection.before(request, storage=line.storage)
        request.extensions[_STARTED] = time.monotonic()


def _after(response: httpx2.Response) -> None:
    """Record the headers of each response."""
    line = _LINE.get()
    if line is not None:
        _log(response)
    if line is not None and not line.storage:
        line.connection.learn(response)
        if response.has_redirect_location:
            line.connection.redirected.append(response.headers["location"])


def _log(response: httpx2.Response) -> None:
    """Log a response: the URL without its query, the status, and the announced size of the body."""
    request = response.request
    seconds = time.monotonic() - request.extensions[_STARTED]
    size = response.headers.get("content-length", "unknown")
    where = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{request.url.path}"
    LOG.debug("%s %s: %d, %s bytes, %.3f s", request.method, where, response.status_code, size, seconds)


def _make_client() -> httpx2.Client:
    """Make the client that the whole process shares; requests of other code have no timeout, as in the Hub's own."""
    hooks: Any = {"request": [_before], "response": [_after]}
    return _Client(follow_redirects=True, timeout=None, verify=_certificates(), event_hooks=hooks)


@cache
def _certificates() -> ssl.SSLContext:
    """Read the machine's certificates, once for all clients of a process: a reading takes 25 ms of CPU."""
    return httpx2.create_ssl_context()


_lock = threading.Lock()
_open_connections = 0


class Connection:
    """Talk to one endpoint: `api` is the Hub's own client for it.

        The token is sent to the endpoint's origin only: requests to others are refused, and those to the storage that
    the Hub redirects to carry none. `requests` counts the requests that the endpoint answered, with redirects and
    without those to the storage; `failed` counts tries without an answer, or with one that asks to try again.
    `redirected` holds the targets of the last redirects.
    """

    def __init__(self, endpoint: str, *, policy: RetryPolicy, progress: Progress) -> None:
        global _open_connections
        self.endpoint = endpoint
        self.origin = _origin(httpx2.URL(endpoint))
        self.api = HfApi(endpoint=endpoint, library_name="lineage", library_version=lineage.__version__)
        self.policy = policy
        self.pace = Pace(policy, progress)
        self.outage = Outage(httpx2.URL(endpoint).host, progress, policy.clock)
        self.requests = 0
        self.failed = 0
        self.redirected: deque[str] = deque(maxlen=REDIRECTS)
        self._token: str | None = None
        self._token_until = 0.0
        self._progress = progress
        self._counting = threading.Lock()
        self._getting_token = threading.RLock()
        with _lock:
            if _open_connections == 0:
                set_client_factory(_make_client)
            _open_connections += 1

    def close(self) -> None:
        """Close the sockets, unless another connection of the process is open."""
        global _open_connections
        with _lock:
            _open_connections -= 1
            if _open_connections == 0:
                close_session()

    def headers(self) -> dict[str, str]:
        """Make the headers of our own requests to the endpoint, the token among them."""
        headers: dict[str, str] = build_hf_headers(
            token=self.token() or False, library_name="lineage", library_version=lineage.__version__
        )
        return headers

    def token(self) -> str | None:
        """Find the token as the Hub's client does: from the environment or the login; None if it must not be sent.

        The client may need requests for it, even to other hosts (trusted publishers, a login that has to be renewed).
        So this is done before our requests and never inside one, and again every TOKEN_SECONDS.
        """
        with self._getting_token:
            return self._current_token()

    def _current_token(self) -> str | None:
        if time.monotonic() < self._token_until:
            return self._token
        try:
            self._token = get_token_to_send(None)
        except (OIDCError, httpx2.HTTPError, OSError, ValueError) as error:
            raise HubError(
                f"cannot get a token: {error}", hint="set HF_TOKEN, or log in with `hf auth login`"
            ) from error
        keep_secret(self._token)
        _refuse_token(self._token)
        self._token_until = time.monotonic() + TOKEN_SECONDS
        self.api.token = self._token or False
        return self._token

    def call(self, ask: Callable[[], Asked], model: str | None, missing: Missing = ModelNotFoundError) -> Asked:
        """Run a call of the Hub's client, and translate its errors into ours."""
        self.token()
        try:
            with self._line(storage=False, model=model):
                return ask()
        except HubError as error:
            error.model = error.model or model
            raise
        except _FOREIGN as error:
            raise translated(error, self.endpoint, model, missing) from error

    def pages(self, ask: Callable[[], Iterable[Asked]], model: str | None = None) -> Iterator[Asked]:
        """Yield the items of a paginated call of the Hub's client."""
        items = self.call(lambda: iter(ask()), model)
        while (item := self.call(lambda: next(items, _END), model)) is not _END:
            yield item  # type: ignore[misc]  # everything but the end mark is an item

    def get(self, url: str, headers: dict[str, str], *, storage: bool) -> httpx2.Response:
        """Request a file without following redirects; the caller reads the body and closes the response."""
        own = {} if storage else self.headers()
        line = _LINE.get()
        with self._line(storage=storage, model=line.model if line else None):
            session = get_session()
            request = session.build_request("GET", url, headers=own | {"Accept-Encoding": "identity"} | headers)
            return session.send(request, stream=True, follow_redirects=False)

    def is_home(self, url: httpx2.URL) -> bool:
        """Return whether a URL is at the endpoint itself, to which the token may be sent."""
        return _origin(url) == self.origin

    def refuse_downgrade(self, url: httpx2.URL, model: str) -> None:
        """Refuse a redirect from https to plain http: the bytes could be changed on the way."""
        if self.origin[0] == "https" and url.scheme != "https":
            raise HubAnswerError(f"{model}: the Hub redirects to {url.host} without encryption", model=model)

    @contextmanager
    def _line(self, *, storage: bool, model: str | None) -> Iterator[None]:
        """Mark the requests of this thread as ours."""
        mark = _LINE.set(_Line(self, storage, model))
        try:
            yield
        finally:
            _LINE.reset(mark)

    def before(self, request: httpx2.Request, *, storage: bool) -> None:
        """Refuse a request to another host, wait if the rate limit is nearly used up, and count."""
        if storage:
            request.headers.pop("authorization", None)
            return
        if not request.url.host:
            raise HubAnswerError(f"{self.endpoint} links to the next page without a host: {request.url}")
        if not self.is_home(request.url):
            raise HubAnswerError(
                f"{self.endpoint} redirects to another host, {request.url.host}; nothing was sent there",
                hint="if that host is your Hub, set HF_ENDPOINT to it",
            )
        self.pace.wait(_kind(request))
        with self._counting:
            self.requests += 1

    def learn(self, response: httpx2.Response) -> None:
        """Learn from the status and the headers of an answer of the Hub."""
        kind, status = _kind(response.request), response.status_code
        if status == 429:
            self.pace.refused(kind, response.request.url.path, response.headers)
        else:
            self.pace.answered(kind, response.headers)
        if status == 429 or status not in RETRIED_STATUSES:
            self.outage.answered()

    def _count_failure(self) -> None:
        """Count the request that was sent last as failed, unless it went to the storage."""
        line = _LINE.get()
        if line is not None and not line.storage:
            with self._counting:
                self.requests -= 1
                self.failed += 1

    def retry(self, request: httpx2.Request, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        """Send a request with our timeout, and retry transient failures."""
        timeout = httpx2.Timeout(self.policy.timeout).as_dict()
        request.extensions = {**request.extensions, "timeout": timeout}
        line = _LINE.get()
        about_hub = line is not None and not line.storage
        host, answers = request.url.host, self.outage.answers
        what = f"{host}: {line.model}" if line is not None and line.model else host

        def once() -> httpx2.Response:
            if about_hub:
                self.outage.check()
            try:
                response = send()
            except _PASSING as error:
                self._count_failure()
                raise TransientError(_words(error), is_refused=isinstance(error, _NO_CONNECTION)) from error
            if response.status_code not in RETRIED_STATUSES:
                return response
            response.close()
            self._count_failure()
            wait = asked_to_wait(response.status_code, response.headers)
            reason = f"answered {response.status_code} {response.reason_phrase}".rstrip()
            raise TransientError(reason, wait, rate_limited=response.status_code == 429)

        try:
            return retry(
                once, self.policy, self._progress, what,
                lambda fault: self.outage.is_news(what, fault.reason, is_refused=fault.is_refused),
            )  # fmt: skip
        except TransientError as fault:
            if about_hub and not fault.rate_limited:
                self.outage.failed(what, fault.reason, answers=answers, is_refused=fault.is_refused)
            if fault.rate_limited:
                raise _rate_limited(host, request.url.path, fault, has_token=bool(self._token)) from fault
            raise NoAnswerError(
                f"{host} did not send {request.url.path}: {fault.reason}",
                hint=f"check the network and HF_ENDPOINT ({self.endpoint}), or try again later; "
                "--offline answers from the store",
            ) from fault


def _refuse_token(token: str | None) -> None:
    """Refuse a token that is not valid in a header: the HTTP libraries would quote it in their errors."""
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise HubError(
            "the token contains invalid characters", hint="set HF_TOKEN again, without spaces or quotes around it"
        )


def _words(error: httpx2.TransportError) -> str:
    """Describe a transport error."""
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def _rate_limited(host: str, path: str, fault: TransientError, *, has_token: bool) -> RateLimitedError:
    """Make the error with the wait that the Hub's headers ask for, and a hint at a higher limit."""
    when = "later" if fault.wait is None else f"in {math.ceil(fault.wait)} s"
    more = "an account with a higher plan has a higher limit" if has_token else "a token in HF_TOKEN raises the limit"
    return RateLimitedError(
        f"{host} did not send {path}: {fault.reason}: the rate limit is used up, try again {when}",
        hint=f"{more}; --offline answers from the store",
        wait=fault.wait,
    )


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL; without a port, the scheme's default."""
    return url.scheme, url.host.lower(), url.port or {"http": 80, "https": 443}.get(url.scheme)


def _kind(request: httpx2.Request) -> str:
    """Return the rate-limit bucket in which the Hub counts a request."""
    path = request.url.path
    if "/resolve" in path:
        return "resolvers"
    return "api" if path.startswith("/api/") else "pages"
