"""Bytes of files at a commit: ranged reads that are checked, resumed, and never larger than asked for.

This module imports the Hub's client: import it only at the first use of the network.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

import httpx2
from huggingface_hub import hf_hub_url
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # exported lazily

from lineage.errors import FileNotInRevisionError, HubAnswerError, NoAnswerError
from lineage.hub.bounds import size_of
from lineage.hub.huggingface.connection import Connection
from lineage.hub.interface import MAX_TEXT_BYTES, Range
from lineage.side_by_side import check_stopped, side_by_side

MAX_CUTS = 4
"""How often one read is resumed after its connection broke, without a megabyte between two breaks."""

MAX_HOPS = 5
"""Redirects that one file may take before its bytes come."""

IN_FLIGHT = 8
"""Ranges of one file that are requested at a time."""

_CUT = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EXPIRED = frozenset({400, 401, 403, 410})
_BLOB_ID = re.compile(r"[0-9a-f]{40}")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Place(NamedTuple):
    """Name one file at one commit."""

    model: str
    commit: str
    path: str

    def __str__(self) -> str:
        return f"{self.path} of {self.model} at {self.commit[:12]}"


class _Cut(Exception):
    """Report that a body ended before its announced end."""


class _Stored(NamedTuple):
    """Hold the URL of a large file in the Hub's storage, and the size that the Hub announces."""

    url: str
    size: int | None


class _BlobCheck:
    """Check a whole file in git against its ETag, which is its blob id; other responses are not checked."""

    def __init__(self, response: httpx2.Response, length: int | None) -> None:
        etag = response.headers.get("etag", "").removeprefix("W/").strip('"')
        whole = response.status_code == 200 and length is not None
        self._expected = etag if whole and _BLOB_ID.fullmatch(etag) else None
        self._digest = hashlib.sha1(f"blob {length}\0".encode(), usedforsecurity=False)

    def update(self, chunk: bytes) -> None:
        """Add the next bytes to the hash."""
        if self._expected:
            self._digest.update(chunk)

    def holds(self) -> bool:
        """Return whether the bytes match the ETag, if it is a blob id."""
        return self._expected in (None, self._digest.hexdigest())


class RemoteFiles:
    """Read files through `resolve` at a commit.

    For a large file the Hub redirects to a signed URL of its storage. The URL is kept until the storage refuses it, so
    that further ranges of the file need no request to the Hub. `bytes_read` counts the bytes received from both hosts,
    `ranges_read` the parts that `ranges` requested. Safe to use from several threads.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stored: dict[Place, _Stored] = {}
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self.bytes_read = 0
        self.ranges_read = 0

    def ranges(self, place: Place, ranges: Sequence[Range]) -> list[bytes]:
        """Read parts of one file; the first one gets the file's URL, with which the others are read side by side.

        Raises what `chunks` raises, and HubAnswerError if the answers contradict each other about the file's end.
        """
        parts = [b""] * len(ranges)
        wanted = [number for number, (_, length) in enumerate(ranges) if length]
        for number in wanted[:1]:
            parts[number] = self._part(place, ranges[number])
        rest = wanted[1:]
        for number, part in zip(rest, self._further(place, [ranges[number] for number in rest]), strict=True):
            parts[number] = part
        _check_ends(place, ranges, parts)
        return parts

    def _further(self, place: Place, ranges: Sequence[Range]) -> list[bytes]:
        """Read the parts after the first.

        If the Hub sends the file itself, each part would be a request to the Hub: such files are small, and one request
        gets all parts with what is between them.
        """
        with self._lock:
            is_stored = place in self._stored
        begin = min((start for start, _ in ranges), default=0)
        end = max(map(sum, ranges), default=0)
        if len(ranges) > 1 and not is_stored and end - begin <= MAX_TEXT_BYTES:
            whole = self._part(place, (begin, end - begin))
            return [whole[start - begin : start - begin + length] for start, length in ranges]
        return side_by_side([partial(self._part, place, part) for part in ranges], IN_FLIGHT)

    def _part(self, place: Place, part: Range) -> bytes:
        """Read one part and count it."""
        received = []
        for chunk in self.chunks(place, *part):
            check_stopped()
            received.append(chunk)
        with self._lock:
            self.ranges_read += 1
        return b"".join(received)

    def chunks(self, place: Place, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read a range, or to the end, in chunks; continue from the last byte if the connection breaks.

        Fewer than `length` bytes are returned only at the end of the file. Raises FileNotInRevisionError, GatedError,
        HubAnswerError for an answer that cannot be trusted, HubUnreachableError.
        """
        if {"", ".", ".."} & set(place.path.split("/")):  # such a URL would be normalised to that of another file
            raise FileNotInRevisionError(f"{place}: no file has such a path", model=place.model)
        position, end = start, None if length is None else start + length
        cuts, last_cut = 0, start
        while end is None or position < end:
            try:
                for chunk in self._attempt(place, position, end, resumed=position > start):
                    position += len(chunk)
                    yield chunk
            except _Cut as cut:
                cuts = 1 if position - last_cut >= 1_000_000 else cuts + 1
                last_cut = position
                if cuts > MAX_CUTS:
                    raise HubAnswerError(
                        f"{place}: the connection broke {cuts} times, the last time after byte {position}",
                        model=place.model,
                        hint="try again later",
                    ) from cut
            else:
                return

    def _attempt(self, place: Place, position: int, end: int | None, *, resumed: bool) -> Iterator[bytes]:
        """Read once from `position` until `end`, the file's end, or a cut."""
        response, stored = self._open(place, position, end)
        with closing(response):
            if response.status_code == 416 and not resumed:
                _check_end(response, place, position, stored)
                return
            expected = _expected(response, place, position, end, stored)
            if response.headers.get("content-encoding", "identity") != "identity":
                raise HubAnswerError(
                    f"{place}: the Hub sent compressed bytes although uncompressed ones were requested"
                )
            received, blob = 0, _BlobCheck(response, expected)
            try:
                for chunk in response.iter_raw():
                    received += len(chunk)
                    self._count(len(chunk))
                    blob.update(chunk)
                    yield chunk
            except _CUT as error:
                raise _Cut from error
            if expected is not None and received < expected:
                raise _Cut
            if expected is not None and received > expected:
                raise HubAnswerError(f"{place}: the Hub sent {received} bytes and announced {expected}")
            if not blob.holds():
                raise HubAnswerError(f"{place}: the bytes do not match the Hub's ETag")

    def _count(self, amount: int) -> None:
        with self._lock:
            self.bytes_read += amount

    def _open(self, place: Place, position: int, end: int | None) -> tuple[httpx2.Response, _Stored | None]:
        """Request the bytes from the URL that is known, or else ask the Hub for one."""
        headers = {}
        if position or end is not None:
            headers["Range"] = f"bytes={position}-" if end is None else f"bytes={position}-{end - 1}"
        with self._lock:
            stored = self._stored.get(place)
        if stored is not None:
            response = self._get(place, stored.url, headers, storage=True)
            if response.status_code not in _EXPIRED:
                return self._checked(response, place, stored), stored
            response.close()
            return self._renew(place, headers, stored)
        return self._resolve(place, headers)

    def _renew(self, place: Place, headers: dict[str, str], expired: _Stored) -> tuple[httpx2.Response, _Stored | None]:
        """Ask the Hub for another URL, once for all threads whose URL expired."""
        with self._renewing:
            check_stopped()
            with self._lock:
                stored = self._stored.get(place)
            if stored is None or stored.url == expired.url:
                return self._resolve(place, headers)
        return self._checked(self._get(place, stored.url, headers, storage=True), place, stored), stored

    def _resolve(self, place: Place, headers: dict[str, str]) -> tuple[httpx2.Response, _Stored | None]:
        """Follow the Hub's redirects to the bytes: those on its own origin with the token, the last one without."""
        url = self._connection.call(
            lambda: hf_hub_url(place.model, place.path, revision=place.commit, endpoint=self._connection.endpoint),
            place.model,
        )
        stored = None
        for _ in range(MAX_HOPS):
            response = self._get(place, url, headers, storage=stored is not None)
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                if stored is not None and (response.is_success or response.status_code == 416):
                    with self._lock:
                        self._stored[place] = stored
                return self._checked(response, place, stored), stored
            response.close()
            target = response.url.join(response.headers["location"])
            if stored is not None or not self._connection.is_home(target):
                self._connection.refuse_downgrade(target, place.model)
                size = stored.size if stored else _number(response.headers.get("x-linked-size"))
                stored = _Stored(str(target), size)
            url = str(target)
        raise HubAnswerError(f"{place}: redirected more than {MAX_HOPS} times", model=place.model)

    def _get(self, place: Place, url: str, headers: dict[str, str], *, storage: bool) -> httpx2.Response:
        return self._connection.call(
            lambda: self._connection.get(url, headers, storage=storage), place.model, FileNotInRevisionError
        )

    def _checked(self, response: httpx2.Response, place: Place, stored: _Stored | None) -> httpx2.Response:
        """Return a response with bytes, or one for an empty range (416); raise an error for any other."""
        if response.status_code in (200, 206, 416):
            return response
        with closing(response):
            if stored is not None:
                raise _storage_refusal(response, place)
            self._connection.call(lambda: hf_raise_for_status(response), place.model, FileNotInRevisionError)
            raise HubAnswerError(f"{place}: the Hub answered {response.status_code}", model=place.model)


def _storage_refusal(response: httpx2.Response, place: Place) -> FileNotInRevisionError | NoAnswerError:
    """Distinguish a missing object from a storage that cannot answer now."""
    if response.status_code in (404, 410):
        return FileNotInRevisionError(
            f"{place}: the Hub lists the file, but its bytes are not in the storage", model=place.model
        )
    return NoAnswerError(f"{place}: the Hub's storage answered {response.status_code}", model=place.model)


def _check_end(response: httpx2.Response, place: Place, position: int, stored: _Stored | None) -> None:
    """Refuse a 416 for a range that begins inside the file, by the size that the Hub or the response names."""
    size = stored.size if stored is not None else None
    if size is None:
        size = _number(response.headers.get("content-range", "").removeprefix("bytes */") or None)
    if size is not None and position < size:
        raise HubAnswerError(
            f"{place}: the server refused bytes from {position} on (416), but the file has {size}", model=place.model
        )


def _check_ends(place: Place, ranges: Sequence[Range], parts: Sequence[bytes]) -> None:
    """Refuse parts that end at different ends of the file."""
    reached = max((start + len(part) for (start, _), part in zip(ranges, parts, strict=True) if part), default=0)
    for (start, length), part in zip(ranges, parts, strict=True):
        if len(part) < length and start + len(part) < reached:
            raise HubAnswerError(
                f"{place}: the Hub sent {len(part)} of {length} bytes from {start} on, as if the file ended there, and"
                f" other bytes up to {reached}",
                model=place.model,
            )


def _expected(
    response: httpx2.Response, place: Place, position: int, end: int | None, stored: _Stored | None
) -> int | None:
    """Check the headers of a response against the request, and return how many bytes must follow.

    A server that ignores the range would send a whole weight file: its response is refused before the body is read,
    unless the range covers the whole file.
    """
    announced = _number(response.headers.get("content-length"))
    if response.status_code == 206:
        return _expected_part(response, place, position, end, stored, announced)
    if response.status_code == 416:
        raise HubAnswerError(f"{place}: the Hub reports that the file ends before byte {position}", model=place.model)
    covered = end is None or (announced is not None and announced <= end)
    if position or not covered:
        raise HubAnswerError(
            f"{place}: the Hub sent the whole file although bytes {position}-{'' if end is None else end - 1}"
            " were requested",
            model=place.model,
            hint="this endpoint ignores Range requests: read weights from another one",
        )
    if stored is not None and None not in (stored.size, announced) and stored.size != announced:
        raise HubAnswerError(
            f"{place}: the storage announced {announced} bytes, the Hub {stored.size}", model=place.model
        )
    return stored.size if stored is not None and announced is None else announced


def _expected_part(
    response: httpx2.Response,
    place: Place,
    position: int,
    end: int | None,
    stored: _Stored | None,
    announced: int | None,
) -> int:
    """Check the Content-Range of a partial answer."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    first, last, total = (size_of(number) for number in found.groups()) if found else (None, None, None)
    if first is None or last is None or total is None:
        raise HubAnswerError(f"{place}: a partial answer without a Content-Range", model=place.model)
    wanted_last = total - 1 if end is None else min(end, total) - 1
    length = last - first + 1
    if (first, last) != (position, wanted_last) or announced not in (None, length):
        raise HubAnswerError(
            f"{place}: bytes {position}-{wanted_last} were requested, {first}-{last} were sent ({announced} announced)",
            model=place.model,
        )
    if stored is not None and stored.size not in (None, total):
        raise HubAnswerError(
            f"{place}: the storage has {total} bytes, the Hub announced {stored.size}", model=place.model
        )
    return length


def _number(text: str | None) -> int | None:
    return None if text is None else size_of(text)
