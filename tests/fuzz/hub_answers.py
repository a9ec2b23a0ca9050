"""Targets of the Hub's answers, through the real client and a real server that sends the input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lineage.errors import HubError
from lineage.hub.bounds import MAX_SIZE
from lineage.hub.huggingface.retry import RetryPolicy, asked_to_wait, rate_limit
from lineage.hub.revisions import is_commit_id, ref_kind
from lineage.progress import SILENT
from lineage_schemas.history import History
from lineage_schemas.history_ref import HistoryRef
from tests.fuzz.target import Read, Target, as_json, plain
from tests.support.hub_faults import Answer, Asked
from tests.support.listener import Listener

COMMIT, OTHER = "a" * 40, "b" * 40

QUESTIONS = (b"refs", b"commits", b"tree", b"page")
"""The first line of an input: what the rest of it is the answer to."""


@contextmanager
def _hub() -> Iterator[Read]:
    """Start a server that answers with the input, and connect the Hub's client to it."""
    from lineage.hub.huggingface.connection import Connection

    answers: dict[str, bytes] = {}

    def respond(asked: Asked) -> Answer:
        kind = next((name for name in ("refs", "commits", "tree") if f"/{name}" in asked.path), "page")
        body = answers.get(kind, b"[]")
        return Answer(200, body, {"Content-Type": "application/json"})

    listener = Listener("hub", respond)
    connection = Connection(listener.url, policy=RetryPolicy(tries=1, timeout=20), progress=SILENT)
    try:

        def read(data: bytes) -> object:
            question, _, body = data.partition(b"\n")
            kind = question.decode() if question in QUESTIONS else "refs"
            answers.clear()
            answers[kind] = body
            return _asked(connection, kind)

        yield read
    finally:
        connection.close()
        listener.close()


def _asked(connection: object, kind: str) -> object:
    """Ask one question, and check what is read of the answer."""
    from lineage.hub.huggingface.api_history import read_history
    from lineage.hub.huggingface.connection import Connection
    from lineage.hub.huggingface.listing import list_files, list_refs, model_info

    assert isinstance(connection, Connection)
    if kind == "refs":
        refs = list_refs(connection, "org/name", pull_requests=True)
        assert all(ref_kind(ref.name) == ref.kind and is_commit_id(ref.target) for ref in refs)
        assert len({ref.name for ref in refs}) == len(refs)
        return refs
    if kind == "commits":
        main = HistoryRef(name="refs/heads/main", kind="branch", target=COMMIT)
        history = read_history(connection, "org/name", COMMIT, (main,), None, SILENT)
        return _sound(history)
    if kind == "tree":
        files = list_files(connection, "org/name", COMMIT)
        assert all(entry.size is None or 0 <= entry.size <= MAX_SIZE for entry in files)
        assert len({entry.path for entry in files}) == len(files)
        assert all(entry.blob_id is None or is_commit_id(entry.blob_id) for entry in files)
        assert all(entry.sha256 is None or int(entry.sha256, 16) < 1 << 256 for entry in files)
        return files
    info = model_info(connection, "org/name", None, sizes=True)
    assert is_commit_id(info.sha)
    return info.id


def _sound(history: History) -> History:
    """See that the commits of a history are commits, each once, after their parents."""
    seen: set[str] = set()
    for commit in history.commits:
        assert is_commit_id(commit.id), f"{commit.id[:100]!a} is not the id of a commit"
        assert commit.id not in seen
        assert not commit.parents or seen.issuperset(commit.parents)
        seen.add(commit.id)
    return history


def _hub_seeds() -> Iterator[bytes]:
    branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT}
    request = {"name": "1", "ref": "refs/pr/1", "targetCommit": OTHER}
    yield b"refs\n" + as_json({
        "branches": [branch], "converts": [], "pullRequests": [request],
        "tags": [{"name": "v\u2028", "ref": "refs/tags/v\u2028", "targetCommit": OTHER}],
    })  # fmt: skip
    commit = {"id": COMMIT, "title": "Upload (#3)", "message": "", "date": "2024-01-01T00:00:00.000Z",
              "authors": [{"user": "ada", "avatar": ""}]}  # fmt: skip
    yield b"commits\n" + as_json([commit, {**commit, "id": OTHER, "title": "\ud800", "authors": []}])
    yield b"tree\n" + as_json([
        {"type": "file", "oid": OTHER, "size": 5, "path": "README.md"},
        {"type": "file", "oid": COMMIT, "size": 134, "path": "model.safetensors", "xetHash": "c" * 64,
         "lfs": {"oid": "d" * 64, "size": 10_000_000, "pointerSize": 134}},
        {"type": "directory", "oid": OTHER, "size": 0, "path": "a"},
    ])  # fmt: skip
    yield b"page\n" + as_json({
        "_id": "1", "id": "org/name", "sha": COMMIT, "downloads": 5, "likes": 1, "tags": ["a"], "gated": "auto",
        "createdAt": "2024-01-01T00:00:00.000Z", "cardData": {"license": "mit"},
        "siblings": [{"rfilename": "README.md", "size": 5, "blobId": OTHER}],
    })  # fmt: skip


def _read_headers(data: bytes) -> object:
    """Read how long the server asks to wait; the two headers are lines of the input."""
    limit, _, after = data.decode("latin-1").partition("\n")
    headers = {"ratelimit": limit, "retry-after": after}
    found = [asked_to_wait(status, headers) for status in (429, 503)]
    assert all(seconds is None or seconds >= 0 for seconds in found)
    return [rate_limit(headers), found]


def _header_seeds() -> Iterator[bytes]:
    yield b'"api";r=0;t=55\n120'
    yield b'"pages" ; r = 12 ; t = 299\nWed, 21 Oct 2026 07:28:00 GMT'
    yield b"\nFri, 31 Dec 9999 23:59:59 +2359"


TARGETS = (
    Target(
        "hub-answers",
        _hub,
        (HubError,),
        _hub_seeds,
        (
            *(question + b"\n" for question in QUESTIONS),
            b'"authors":null',
            b'"title":5',
            b'"id":[]',
            b'"date":"10000-01-01"',
            b'"size":9223372036854775808',
            b'"lfs":{}',
            b'"oid":null',
            b'"ref":"refs/heads/x"',
        ),
        30,
    ),
    Target("wait-headers", plain(_read_headers), (), _header_seeds, (b";r=", b";t=", b"GMT", b"99999999", b"Jan")),
)
