"""Bytes of files: exactly those that were asked for, or an error; never a whole weight file by accident."""

from __future__ import annotations

import pytest

from lineage.errors import FileNotInRevisionError, GatedError, HubAnswerError, HubUnreachableError
from lineage.hub.huggingface.files import MAX_CUTS
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.huggingface.retry import RetryPolicy
from lineage.progress import SILENT
from tests.hub.conftest import WEIGHTS, Hurry
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer

FILE = "model.safetensors"
RESOLVE = "/org/model/resolve/*"
STORED = "/" + "?" * 64


@pytest.fixture
def commit(repository: BareRepository) -> str:
    return repository.git("rev-parse", "main")


@pytest.mark.parametrize(
    ("start", "length"),
    [
        (0, 8),
        (8, 1000),
        (255_990, 10),
        (255_990, 100),
        (256_000, 10),
        (300_000, 10),
        (0, 256_000),
        (0, 10**9),
        (7, None),
    ],
)
def test_ranges_of_a_stored_file(hub: HuggingFaceHub, commit: str, start: int, length: int | None) -> None:
    """A range of a weight file holds what a slice would, shorter only at the file's end."""
    end = None if length is None else start + length
    assert hub.read("org/model", commit, FILE, start, length) == WEIGHTS[start:end]


@pytest.mark.parametrize(("start", "length"), [(0, 5), (5, 5), (0, None), (20, 100), (100, 1), (3, None), (0, 0)])
@pytest.mark.parametrize("detour", [False, True])
def test_ranges_of_a_file_in_git(
    hub: HuggingFaceHub, commit: str, server: HubServer, start: int, length: int | None, detour: bool
) -> None:
    """The same holds for files that git keeps, with and without the Hub's redirect on its own origin."""
    server.detour = detour
    content = b'{"model_type": "gpt2"}'
    end = None if length is None else start + length
    assert hub.read("org/model", commit, "config.json", start, length) == content[start:end]


@pytest.mark.parametrize(("start", "length"), [(-1, 5), (0, -1)])
def test_impossible_ranges(hub: HuggingFaceHub, commit: str, server: HubServer, start: int, length: int) -> None:
    """A range that no file has is the caller's mistake, and nothing is sent for it."""
    with pytest.raises(ValueError, match="range"):
        hub.read("org/model", commit, FILE, start, length)
    assert server.log == []


def test_an_empty_file(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """An empty file, which knows no range at all, reads as no bytes."""
    commit = repository.commit({"empty.txt": b""})
    assert hub.read("org/model", commit, "empty.txt") == b""
    assert hub.read("org/model", commit, "empty.txt", 0, 10) == b""


@pytest.mark.parametrize("path", ["training_args (1).bin", "sub dir/ü%41#?.txt", "a/b/c/d.json"])
def test_paths_that_need_escaping(hub: HuggingFaceHub, repository: BareRepository, path: str) -> None:
    """Any path that git can hold is asked for as it is."""
    commit = repository.commit({path: b"content"})
    assert hub.read("org/model", commit, path) == b"content"


def test_reads_are_at_the_commit(hub: HuggingFaceHub, repository: BareRepository, commit: str) -> None:
    """A commit's file stays what it was after the branch has moved."""
    repository.commit({"config.json": b"{}"})
    assert hub.read("org/model", commit, "config.json") == b'{"model_type": "gpt2"}'


def test_header_of_a_shard_costs_one_hub_request(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """All ranges of one weight file together cost the Hub one request; its storage gets one for each."""
    hub.read("org/model", commit, FILE, 0, 100)
    hub.read("org/model", commit, FILE, 100, 900)
    assert len(server.asked(RESOLVE)) == len(server.asked()) == 1
    assert len(server.asked(server="storage")) == 2
    cost = hub.cost()
    assert (cost.requests, cost.bytes_read, cost.local) == (1, 1000, False)


def test_bytes_sent_are_bytes_asked_for(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """No more leaves the storage than was asked for."""
    hub.read("org/model", commit, FILE, 1000, 24)
    assert sum(asked.sent for asked in server.log) == 24


def test_expired_link_is_resolved_again(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A storage URL that has expired between two reads is asked for anew."""
    hub.read("org/model", commit, FILE, 0, 10)
    server.expire_links()
    assert hub.read("org/model", commit, FILE, 10, 10) == WEIGHTS[10:20]
    assert len(server.asked(RESOLVE)) == 2


def test_storage_that_refuses_fresh_links(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A storage that refuses even a fresh URL is an error, not a loop."""
    hub.read("org/model", commit, FILE, 0, 10)
    server.fault(STORED, hub_faults.refused(403))
    with pytest.raises(HubUnreachableError, match="storage answered 403"):
        hub.read("org/model", commit, FILE, 0, 10)


def test_missing_file(hub: HuggingFaceHub, commit: str) -> None:
    """A path that the commit lacks is said to be missing."""
    with pytest.raises(FileNotInRevisionError):
        hub.read("org/model", commit, "nothing.bin")


def test_missing_object(hub: HuggingFaceHub, repository: BareRepository, server: HubServer, commit: str) -> None:
    """A file whose object is not in the storage is listed, and its bytes are said to be missing."""
    server.repositories["org/model"].lfs = repository.git_dir / "nowhere"
    with pytest.raises(FileNotInRevisionError, match="not in the storage"):
        hub.read("org/model", commit, FILE, 0, 10)


def test_gated_file(hub: HuggingFaceHub, server: HubServer, commit: str, hurry: Hurry) -> None:
    """A gated file is refused as such, once, and the hint names terms and token."""
    server.repositories["org/model"].gated = "auto"
    with pytest.raises(GatedError) as caught:
        hub.read("org/model", commit, FILE, 0, 10)
    assert f"{server.endpoint}/org/model" in (caught.value.hint or "")
    assert len(server.log) == 1
    assert hurry.slept == []


def test_range_ignored(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A whole file in answer to a range is refused before it is read."""
    server.fault(STORED, hub_faults.range_ignored())
    with pytest.raises(HubAnswerError, match="whole file"):
        hub.read("org/model", commit, FILE, 0, 100)
    assert hub.cost().bytes_read == 0


def test_range_ignored_that_covers_all(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A whole small file is as good as a range that covers it."""
    server.fault(RESOLVE, hub_faults.range_ignored())
    assert hub.read("org/model", commit, "config.json", 0, 1000) == b'{"model_type": "gpt2"}'


def test_wrong_content_range(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """Another range than the one asked for is refused."""
    server.fault(STORED, hub_faults.wrong_range(8))
    with pytest.raises(HubAnswerError, match="were requested"):
        hub.read("org/model", commit, FILE, 16, 16)


@pytest.mark.parametrize("difference", [-3, 5])
def test_wrong_length_of_a_range(hub: HuggingFaceHub, commit: str, server: HubServer, difference: int) -> None:
    """A Content-Length that contradicts the Content-Range is refused."""
    server.fault(STORED, hub_faults.wrong_length(difference))
    with pytest.raises(HubAnswerError):
        hub.read("org/model", commit, FILE, 0, 100)


@pytest.mark.parametrize("difference", [-3, 5])
def test_wrong_length_of_a_file_in_git(hub: HuggingFaceHub, commit: str, server: HubServer, difference: int) -> None:
    """A file that git keeps is held to its ETag, the blob id, so that a short Content-Length shows."""
    server.fault("*/config.json", hub_faults.wrong_length(difference))
    with pytest.raises(HubAnswerError):
        hub.read("org/model", commit, "config.json")


@pytest.mark.parametrize("difference", [-3, 5])
def test_wrong_length_of_a_whole_file(hub: HuggingFaceHub, commit: str, server: HubServer, difference: int) -> None:
    """A Content-Length that contradicts the Hub's X-Linked-Size is refused."""
    server.fault(STORED, hub_faults.wrong_length(difference))
    with pytest.raises(HubAnswerError):
        hub.read("org/model", commit, FILE)


@pytest.mark.parametrize(("start", "length"), [(0, 100), (50, None), (0, None)])
def test_length_that_is_not_told(
    hub: HuggingFaceHub, commit: str, server: HubServer, start: int, length: int | None
) -> None:
    """An answer without Content-Length is held to what the range or the Hub's X-Linked-Size promises."""
    end = None if length is None else start + length
    server.fault(STORED, hub_faults.unsized())
    assert hub.read("org/model", commit, FILE, start, length) == WEIGHTS[start:end]
    server.mend()
    server.fault(STORED, hub_faults.unsized(-20), times=1)
    assert hub.read("org/model", commit, FILE, start, length) == WEIGHTS[start:end]
    server.fault(STORED, hub_faults.unsized(20))
    with pytest.raises(HubAnswerError, match="announced"):
        hub.read("org/model", commit, FILE, start, length)


def test_small_file_without_length(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A whole small file whose length nobody tells is taken as it comes."""
    server.fault("*/config.json", hub_faults.unsized())
    assert hub.read("org/model", commit, "config.json") == b'{"model_type": "gpt2"}'


def test_no_content_range(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A part of nobody knows what is refused."""
    server.fault(STORED, hub_faults.without("Content-Range"))
    with pytest.raises(HubAnswerError, match="Content-Range"):
        hub.read("org/model", commit, FILE, 0, 8)


def test_hub_and_storage_disagree(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A file that has another size in the storage than the Hub says is another file."""
    server.fault(RESOLVE, hub_faults.replaced("X-Linked-Size", "4096"))
    with pytest.raises(HubAnswerError, match="4096"):
        hub.read("org/model", commit, FILE, 0, 8)


def test_redirect_that_leads_nowhere(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A redirect without a target is an error of the Hub's."""
    server.fault(RESOLVE, hub_faults.without("Location"))
    with pytest.raises(HubAnswerError, match="answered 302"):
        hub.read("org/model", commit, FILE, 0, 8)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, FileNotInRevisionError), (400, HubAnswerError), (418, HubAnswerError)]
)
def test_refusals_without_a_code(
    hub: HuggingFaceHub, commit: str, server: HubServer, status: int, kind: type[Exception]
) -> None:
    """A refusal that names no error code is understood by its status."""
    server.fault(RESOLVE, hub_faults.refused(status))
    with pytest.raises(kind):
        hub.read("org/model", commit, FILE, 0, 8)


def test_plain_http_behind_https() -> None:
    """A Hub that is spoken to with encryption may not send us where there is none."""
    import httpx2

    from lineage.hub.huggingface.connection import Connection

    connection = Connection("https://hub.example.org", policy=RetryPolicy(), progress=SILENT)
    connection.refuse_downgrade(httpx2.URL("https://cdn.example.org/object"), "org/model")
    with pytest.raises(HubAnswerError, match="without encryption"):
        connection.refuse_downgrade(httpx2.URL("http://cdn.example.org/object"), "org/model")
    connection.close()


def test_compressed_range(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """Compressed bytes are no range of the file."""
    server.fault(STORED, hub_faults.gzipped())
    with pytest.raises(HubAnswerError):
        hub.read("org/model", commit, FILE, 0, 100)
    assert server.asked(server="storage")[0].headers["accept-encoding"] == "identity"


def test_cut_range_goes_on(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A range that is cut off goes on from its last byte."""
    server.fault(STORED, hub_faults.cut_body(30_000), times=2)
    assert hub.read("org/model", commit, FILE, 100, 100_000) == WEIGHTS[100:100_100]
    ranges = [asked.headers["range"] for asked in server.asked(server="storage")]
    assert ranges == ["bytes=100-100099", "bytes=30100-100099", "bytes=60100-100099"]


def test_cut_stream_goes_on(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A whole file that is cut off goes on by range; the Hub is not asked again."""
    server.fault(STORED, hub_faults.cut_body(100_000), times=2)
    assert b"".join(hub.stream("org/model", commit, FILE)) == WEIGHTS
    assert [asked.headers.get("range") for asked in server.asked(server="storage")] == [
        None,
        "bytes=100000-",
        "bytes=200000-",
    ]
    assert len(server.asked(RESOLVE)) == 1


def test_cut_for_ever(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A connection that is cut again and again ends in an error that says where."""
    server.fault(STORED, hub_faults.cut_body(10))
    with pytest.raises(HubAnswerError, match="the connection broke"):
        hub.read("org/model", commit, FILE, 0, 100_000)
    assert len(server.asked(server="storage")) == MAX_CUTS + 1


def test_file_in_git_that_is_cut(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A small file that is cut off goes on by range as well."""
    server.fault("*/config.json", hub_faults.cut_body(5), times=1)
    assert hub.read("org/model", commit, "config.json") == b'{"model_type": "gpt2"}'


@pytest.mark.parametrize("where", [RESOLVE, STORED])
def test_busy_hub_or_storage(hub: HuggingFaceHub, commit: str, server: HubServer, hurry: Hurry, where: str) -> None:
    """A busy Hub and a busy storage are both waited for."""
    server.fault(where, hub_faults.refused(503, None, None, Retry_After="9"), times=2)
    assert hub.read("org/model", commit, FILE, 0, 8) == WEIGHTS[:8]
    assert hurry.slept == [9.0, 9.0]


def test_redirects_in_a_circle(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """Redirects without end are given up."""
    server.fault(RESOLVE, hub_faults.moved(f"/org/model/resolve/{commit}/{FILE}"))
    with pytest.raises(HubAnswerError, match="redirected"):
        hub.read("org/model", commit, FILE, 0, 8)


def test_many_threads(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """Ranges may be read from several threads; all bytes are right and counted."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda part: hub.read("org/model", commit, FILE, part * 4000, 4000), range(64)))
    assert b"".join(parts) == WEIGHTS
    assert hub.cost().bytes_read == len(WEIGHTS)
    assert hub.cost().requests == len(server.asked())
