"""Several ranges of one file: what they cost the Hub, and what a server may do wrong meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest

from lineage.errors import FileNotInRevisionError, HubAnswerError, HubUnreachableError, RateLimitedError
from lineage.hub.huggingface.files import IN_FLIGHT
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.huggingface.retry import LAST_REQUESTS, Pace
from lineage.progress import SILENT
from tests.hub.conftest import WEIGHTS, Hurry, OpenHub
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_faults import Answer, Asked
from tests.support.hub_server import HubServer

FILE = "model.safetensors"
RESOLVE = "/org/model/resolve/*"
STORED = "/" + "?" * 64

MANY = [(place * 5000, 700) for place in range(50)]


@pytest.fixture
def commit(repository: BareRepository) -> str:
    return repository.git("rev-parse", "main")


def read(hub: HuggingFaceHub, commit: str, path: str = FILE) -> list[bytes]:
    return hub.read_ranges("org/model", commit, path, MANY)


def parts(content: bytes = WEIGHTS) -> list[bytes]:
    return [content[start : start + length] for start, length in MANY]


def after(number: int, fault: hub_faults.Fault) -> hub_faults.Fault:
    """Strike from the request with this number on."""
    seen = []

    def strike(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        seen.append(asked)
        return fault(asked, answer) if len(seen) > number else answer(asked)

    return strike


def test_one_request_to_the_hub(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """All ranges of a stored file cost the Hub one request and its storage one for each; no other byte is sent."""
    assert read(hub, commit) == parts()
    assert len(server.asked()) == 1
    assert sorted(server.ranges(STORED)) == MANY
    assert sum(asked.sent for asked in server.log) == 50 * 700
    cost = hub.cost()
    assert (cost.requests, cost.bytes_read, cost.ranges, cost.failed) == (1, 35_000, 50, 0)


def test_several_are_in_flight(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """Ranges are requested side by side, but never more than eight at a time."""
    server.fault(STORED, hub_faults.slow(0.02))
    assert read(hub, commit) == parts()
    assert 4 <= server.most_at_once <= IN_FLIGHT


def test_no_thread_is_left(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """After the answer, and after an error, no thread of ours reads on."""
    read(hub, commit)
    server.fault(STORED, after(20, hub_faults.refused(404)))
    with pytest.raises(FileNotInRevisionError):
        read(hub, commit)
    assert not [thread for thread in threading.enumerate() if thread.daemon and thread.name.startswith("lineage")]
    assert len(server.asked(STORED, server="storage")) < 90  # the first 50, and not all of the second 50


def test_a_file_in_git_is_read_in_two_requests(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer
) -> None:
    """A file that the Hub sends itself has no URL to reuse: the parts after the first come in one request."""
    content = bytes(range(250)) * 1040
    commit = repository.commit({"vocab.txt": content})
    assert read(hub, commit, "vocab.txt") == parts(content)
    assert len(server.asked(RESOLVE)) == 2
    assert hub.cost().requests == 2


def test_an_expired_link_is_renewed_once(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """If the signed URL expires in the middle, one thread gets another and all go on with it."""
    expired: list[Asked] = []

    def expire(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        expired.append(asked)
        if len(expired) == 20:
            server.expire_links()
        time.sleep(0.005)
        return answer(asked)

    server.fault(STORED, expire)
    assert read(hub, commit) == parts()
    assert len(server.asked(RESOLVE)) == 2


def test_a_link_that_is_refused_for_ever(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A storage that refuses every URL is an error after a few requests, not a loop."""
    server.fault(STORED, after(10, hub_faults.refused(403)))
    with pytest.raises(HubUnreachableError, match="storage answered 403"):
        read(hub, commit)
    assert len(server.asked(RESOLVE)) <= 1 + IN_FLIGHT


@pytest.mark.parametrize("number", [0, 7, 30])
def test_a_whole_file_for_a_range(hub: HuggingFaceHub, commit: str, server: HubServer, number: int) -> None:
    """A 200 with the whole file in the place of a range is refused before its body is read."""
    server.fault(STORED, after(number, hub_faults.range_ignored()))
    with pytest.raises(HubAnswerError, match="whole file"):
        read(hub, commit)
    assert hub.cost().bytes_read <= 50 * 700


@pytest.mark.parametrize("number", [0, 12])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(hub_faults.wrong_range(8), id="other-range"),
        pytest.param(hub_faults.wrong_length(-3), id="short"),
        pytest.param(hub_faults.wrong_length(5), id="long"),
        pytest.param(hub_faults.without("Content-Range"), id="unnamed"),
        pytest.param(hub_faults.gzipped(), id="compressed"),
    ],
)
def test_other_bytes_than_asked_for(
    hub: HuggingFaceHub, commit: str, server: HubServer, fault: hub_faults.Fault, number: int
) -> None:
    """Another range, a shorter or longer body, or a compressed one is refused, wherever it comes."""
    server.fault(STORED, after(number, fault))
    with pytest.raises(HubAnswerError):
        read(hub, commit)


@pytest.mark.parametrize("keep", [0, 300])
def test_cut_ranges_go_on(hub: HuggingFaceHub, commit: str, server: HubServer, keep: int) -> None:
    """A part whose connection breaks continues from its last byte, and is counted once."""
    server.fault(STORED, after(5, hub_faults.cut_body(keep)), times=12)
    assert read(hub, commit) == parts()
    assert hub.cost().bytes_read == 35_000


def test_a_416_inside_the_file(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A server that calls a range behind the end, although the file is longer, is refused: nothing is cut short."""
    server.fault(STORED, after(9, hub_faults.refused(416)))
    with pytest.raises(HubAnswerError, match="416"):
        read(hub, commit)


def test_a_416_of_a_server_that_names_no_size(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer
) -> None:
    """Without a size in any header, two parts that end at different ends of the file still contradict each other."""
    commit = repository.commit({"vocab.txt": WEIGHTS})
    server.fault("*/vocab.txt", hub_faults.refused(416), times=1)
    with pytest.raises(HubAnswerError, match="as if the file ended there"):
        read(hub, commit, "vocab.txt")


def test_ranges_behind_the_end_keep_the_link(hub: HuggingFaceHub, commit: str, server: HubServer) -> None:
    """A first range behind the end is no part of the file, and its answer gives the URL for the others."""
    end = len(WEIGHTS)
    found = hub.read_ranges("org/model", commit, FILE, [(end, 10), (end + 5, 1), (end - 3, 10), (0, 2)])
    assert found == [b"", b"", WEIGHTS[-3:], WEIGHTS[:2]]
    assert len(server.asked()) == 1


@pytest.mark.parametrize("where", [RESOLVE, STORED])
def test_429_in_the_middle(hub: HuggingFaceHub, commit: str, server: HubServer, hurry: Hurry, where: str) -> None:
    """A busy Hub or storage is waited for as long as it asks, and the part is read then."""
    server.fault(where, hub_faults.refused(429, None, None, Retry_After="7"), times=3)
    assert read(hub, commit) == parts()
    assert hurry.slept == [7.0, 7.0, 7.0]


def test_429_without_end(open_hub: OpenHub, commit: str, server: HubServer, hurry: Hurry) -> None:
    """A rate limit that stays used up ends all parts in one error that says so."""
    hub = open_hub(policy=hurry.policy(tries=2))
    server.fault(STORED, after(4, hub_faults.refused(429, None, None, Retry_After="7")))
    with pytest.raises(RateLimitedError, match="rate limit"):
        read(hub, commit)


def test_the_token_stays_at_the_hub(
    open_hub: OpenHub, commit: str, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token goes with the request to the Hub, and with none of those to the host that it redirects to."""
    monkeypatch.setenv("HF_TOKEN", server.token)
    server.fault(STORED, after(20, hub_faults.refused(403)), times=21)  # renewed in between
    assert read(open_hub(), commit) == parts()
    assert {asked.headers.get("authorization") for asked in server.asked()} == {f"Bearer {server.token}"}
    assert len(server.asked(RESOLVE)) == 2
    assert all("authorization" not in asked.headers for asked in server.asked(server="storage"))


@pytest.mark.slow
def test_the_resolve_window_is_paced(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, hurry: Hurry
) -> None:
    """Files in git cost requests to the Hub: before their window is used up they slow down, and no 429 comes."""
    server.clock, server.quota = (lambda: hurry.now), {"resolvers": 30, "api": 500}
    commit = repository.commit({f"part-{number}.txt": WEIGHTS for number in range(25)})
    for number in range(25):
        hub.read_ranges("org/model", commit, f"part-{number}.txt", MANY)
    assert {asked.status for asked in server.log} == {206}
    assert len(server.asked(RESOLVE)) == 50
    assert sum(hurry.slept) >= server.window - 30


def test_a_late_answer_does_not_refill_the_window(hurry: Hurry) -> None:
    """With eight requests under way, the header of the first answer does not count the other seven."""
    pace = Pace(hurry.policy(), SILENT)
    pace.learn("resolvers", {"ratelimit": f'"resolvers";r={LAST_REQUESTS + 8};t=100'})
    for _ in range(8):
        pace.wait("resolvers")
    pace.learn("resolvers", {"ratelimit": f'"resolvers";r={LAST_REQUESTS + 7};t=100'})
    assert hurry.slept == []
    pace.wait("resolvers")
    assert hurry.slept != []
    pace.learn("resolvers", {"ratelimit": '"resolvers";r=499;t=300'})  # another window
    hurry.slept.clear()
    pace.wait("resolvers")
    assert hurry.slept == []


def test_a_cached_copy_costs_nothing(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, commit: str
) -> None:
    """Parts of a small file come from the git copy once that is here."""
    hub.history("org/model")
    before = len(server.log)
    assert hub.read_ranges("org/model", commit, "config.json", [(1, 4), (0, 2)]) == [b'"mod', b'{"']
    assert len(server.log) == before
    assert hub.cost().ranges == 0


def test_offline(open_hub: OpenHub, commit: str, server: HubServer) -> None:
    """Under --offline nothing is requested."""
    with pytest.raises(HubUnreachableError, match="offline"):
        read(open_hub(offline=True), commit)
    assert not [asked for asked in server.log if fnmatchcase(asked.path, RESOLVE)]
