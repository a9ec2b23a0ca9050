"""Texts of a megabyte and more: read whole, or not at all and said so, on a local Hub and on one behind HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.diff import diff
from lineage.answers.fingerprint import fingerprint
from lineage.answers.history import history
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.answers.verify import verify
from lineage.collect.recorded_hub import RecordedHub
from lineage.hub.interface import MAX_TEXT_BYTES
from lineage.report.render import render
from lineage.store.graph import EdgeRow
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.graph_batch import Attachment, GraphBatch
from tests.cli.running import lineage
from tests.support.bare_repository import BareRepository
from tests.support.readings import BOTH_KINDS, MODEL, served
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow


LONG = 1_200_000
TOO_LONG = MAX_TEXT_BYTES + 1_000_000

CHANGELOG = b"\n## Changelog\n\n- v1.1: retrained on more data\n"

Open = Callable[[], Session]


def weights(value: int, *names: str) -> bytes:
    """Write a weight file of a few tensors."""
    return safetensors_bytes({name: ("U8", (4,), bytes([value] * 4)) for name in names or ("w",)})


def card(size: int, end: bytes = b"") -> bytes:
    """Write a card of plain lines, so many bytes long, with something at its end."""
    line = b"A line of a table of results that announces nothing, 0.1 0.2 0.3\n"
    return b"---\nlicense: mit\n---\n# Model\n\n" + line * ((size - len(end)) // len(line)) + end


@pytest.fixture(params=BOTH_KINDS)
def opened(request: pytest.FixtureRequest, repository: BareRepository, tmp_path: Path) -> Iterator[Open]:
    """Open sessions on a directory Hub, or on a server with the same repository."""
    with served(request.param, repository, tmp_path) as how:
        yield lambda: Session(**how)


def shown(written: object) -> str:
    """Join what a renderer gives to a text."""
    return (
        "\n".join("".join(span.text for span in each.spans) for each in written)
        if isinstance(written, list)
        else str(written)
    )


def checked(session: Session) -> CheckAnswer:
    answer = check(session, [MODEL])
    assert isinstance(answer, CheckAnswer)
    return answer


def test_a_changelog_at_the_end_of_a_long_card_is_found(repository: BareRepository, opened: Open) -> None:
    """What the last lines of a card of 1.2 MB announce is an announcement."""
    repository.commit({"model.safetensors": weights(0), "README.md": card(LONG)}, "first")
    repository.commit({"model.safetensors": weights(1), "README.md": card(LONG, CHANGELOG)}, "upload")
    with opened() as session:
        answer = checked(session)
    (change,) = (change for change in answer.weight_changes if change.counts)
    assert (answer.verdict, change.verdict) == ("clean", "versioned")
    assert [signal.kind for signal in change.signals] == ["changelog"]
    assert answer.unchecked == ()


def test_a_card_that_is_too_long_leaves_the_change_unchecked(repository: BareRepository, opened: Open) -> None:
    """A card of 11 MB may announce anything: its change is neither silent nor clean, and the reason is told."""
    repository.commit({"model.safetensors": weights(0), "README.md": card(100)}, "first")
    commit = repository.commit({"model.safetensors": weights(1), "README.md": card(TOO_LONG, CHANGELOG)}, "upload")
    with opened() as session:
        answer = checked(session)
        told = history(session, MODEL)
        ancestors = trace(session, MODEL)
    (change,) = (change for change in answer.weight_changes if change.counts)
    assert (answer.verdict, change.verdict, answer.findings) == ("unchecked", None, ())
    assert answer.counts.after_first_upload == answer.counts.silent == 0
    unread = next(item for item in answer.unchecked if item.what == f"README.md at {commit[:12]}")
    assert "more than the 10,000,000 bytes" in unread.reason
    assert unread in told.unchecked
    assert any("10,000,000" in (item.detail or "") for item in ancestors.incomplete)
    for text in (render(answer, "table"), render(answer, "markdown"), render(told, "table"), render(told, "markdown")):
        assert "1 weight change counts: 0 versioned, 0 documented, 0 silent, 1 unchecked." in shown(text)


def test_the_command_ends_with_code_2(repository: BareRepository, tmp_path: Path) -> None:
    """`lineage check` says that something is unchecked by its exit code too."""
    repository.commit({"model.safetensors": weights(0), "README.md": card(100)}, "first")
    repository.commit({"model.safetensors": weights(1), "README.md": card(TOO_LONG)}, "upload")
    done = lineage("check", MODEL, "--hub", tmp_path / "hub", "--store", tmp_path / "lineage.db", "--format", "json")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["weight_changes"][-1]["verdict"] is None


def test_another_announcement_decides_without_the_long_card(repository: BareRepository, opened: Open) -> None:
    """A version in the title is an announcement, whatever a card says that is too long."""
    repository.commit({"model.safetensors": weights(0)}, "first")
    repository.commit({"model.safetensors": weights(1), "README.md": card(TOO_LONG)}, "v2.0")
    with opened() as session:
        answer = checked(session)
    assert (answer.verdict, answer.weight_changes[-1].verdict) == ("clean", "versioned")


def test_the_card_before_must_be_read_too(repository: BareRepository, opened: Open) -> None:
    """What is new in a card cannot be told where the one before is too long."""
    repository.commit({"model.safetensors": weights(0), "README.md": card(TOO_LONG)}, "first")
    repository.commit({"model.safetensors": weights(1), "README.md": card(100)}, "upload")
    with opened() as session:
        assert checked(session).verdict == "unchecked"


def message(size: int, end: str) -> str:
    """Write a commit message of plain lines, all different, so many bytes long, with something at its end."""
    lines = (f"{number:07} 0.1 0.2 0.3 of a training log" for number in range(size // 40))
    return "Upload\n\n" + "\n".join(lines) + "\n" + end


def test_the_last_line_of_a_long_message_is_an_announcement(repository: BareRepository, opened: Open) -> None:
    """What a commit message says after 1.2 MB and 30,000 lines documents its change."""
    repository.commit({"model.safetensors": weights(0)}, "first")
    repository.commit({"model.safetensors": weights(1)}, message(LONG, "Version 2.0: retrained"))
    with opened() as session:
        answer = checked(session)
    (change,) = (change for change in answer.weight_changes if change.counts)
    assert (answer.verdict, change.verdict, answer.unchecked) == ("clean", "documented", ())
    assert [(signal.kind, signal.value) for signal in change.signals] == [("commit_message", "Version 2.0: retrained")]


def test_a_message_that_is_too_long_leaves_the_change_unchecked(repository: BareRepository, opened: Open) -> None:
    """A message of 11 MB may announce anything: its change is neither silent nor clean, on the second look too."""
    repository.commit({"model.safetensors": weights(0)}, "first")
    commit = repository.commit({"model.safetensors": weights(1)}, message(TOO_LONG, "Version 2.0: retrained"))
    with opened() as session:
        answers = [checked(session), checked(session)]
    for answer in answers:
        (change,) = (change for change in answer.weight_changes if change.counts)
        assert (answer.verdict, change.verdict, answer.findings) == ("unchecked", None, ())
        (unread,) = (item for item in answer.unchecked if item.what == f"the message of {commit[:12]}")
        assert "more than the 10,000,000 bytes" in unread.reason


def test_a_message_that_is_too_long_belongs_to_its_own_change(repository: BareRepository, tmp_path: Path) -> None:
    """A later change is silent all the same, and one that a tag announces needs no message."""
    repository.commit({"model.safetensors": weights(0)}, "first")
    tagged = repository.commit({"model.safetensors": weights(1)}, message(TOO_LONG, ""))
    repository.commit({"model.safetensors": weights(2)}, "upload")
    repository.tag("v2.0", tagged)
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        answer = checked(session)
    assert [change.verdict for change in answer.weight_changes if change.counts] == ["versioned", "silent"]


def test_metadata_that_are_too_much_leave_the_change_unchecked(repository: BareRepository, tmp_path: Path) -> None:
    """A version field behind 5 MB of YAML is not looked at, which is not the same as none."""
    table = b"table:\n" + b"- 0.123456789\n" * 360_000
    repository.commit({"model.safetensors": weights(0), "README.md": b"---\nversion: 1\n---\n"}, "first")
    long_card = b"---\n" + table + b"version: 2\n---\n"
    assert len(long_card) < MAX_TEXT_BYTES
    repository.commit({"model.safetensors": weights(1), "README.md": long_card}, "upload")
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        answer = checked(session)
    assert (answer.verdict, answer.weight_changes[-1].verdict) == ("unchecked", None)
    assert "5000000 characters" in answer.unchecked[0].reason


def index(size: int, shards: dict[str, list[str]]) -> bytes:
    """Write an index of shards that is so many bytes long by the names of its tensors."""
    listed = {name: file for file, names in shards.items() for name in names}
    filler = {f"layer.{number}.{'x' * 60}": list(shards)[-1] for number in range(size // 100)}
    return json.dumps({"metadata": {}, "weight_map": {**filler, **listed}}).encode()


SHARDS = {"part-a.safetensors": ["a"], "part-b.safetensors": ["b"]}
"""Names that do not say that the files belong together: the index alone does."""


def sharded(repository: BareRepository, size: int) -> None:
    files = {name: weights(1, *tensors) for name, tensors in SHARDS.items()}
    repository.commit({**files, "model.safetensors.index.json": index(size, SHARDS)}, "first")


def test_a_long_index_is_read_whole(repository: BareRepository, opened: Open) -> None:
    """The shards that an index of 2.6 MB lists are one group, the last ones too."""
    sharded(repository, 2_600_000)
    with opened() as session:
        answer = fingerprint(session, MODEL)
        collect(session, [MODEL])
        kept = [edge.properties for edge in _groups(session)]
    (group,) = answer.groups
    assert [file.path for file in group.files] == list(SHARDS)
    assert group.tensor_count == 2
    assert answer.unchecked == ()
    assert [tuple(each["files"]) for each in kept if each["index"]] == [tuple(SHARDS)]


def test_an_index_that_is_too_long_is_unchecked(repository: BareRepository, opened: Open, tmp_path: Path) -> None:
    """Without an index the names of files make the groups, and every answer about them says so."""
    sharded(repository, 12_000_000)
    for name in SHARDS:
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(weights(1, *SHARDS[name]))
    with opened() as session:
        mine = verify(session, str(tmp_path / "mine"), against=MODEL)
        answers = (fingerprint(session, MODEL), diff(session, MODEL, MODEL), mine)
    for answer in answers:
        assert any("model.safetensors.index.json" in f"{each.what} {each.reason}" for each in answer.unchecked)
        assert any("10,000,000 bytes" in each.reason for each in answer.unchecked)
    assert mine.verdict == "unchecked"


def _groups(session: Session) -> list[EdgeRow]:
    with session.store.reading() as view:
        return list(view.all_edges("HAS_WEIGHTS"))


def test_a_part_that_an_older_version_kept_is_not_taken_for_the_text(
    repository: BareRepository, tmp_path: Path
) -> None:
    """Stores hold the first megabyte of long cards under the name of the whole: offline such a card is not at hand."""
    repository.commit({"model.safetensors": weights(0), "README.md": card(LONG)}, "first")
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        collect(session, [MODEL])
        hub = RecordedHub(session.hub, session.store)
        head = hub.resolve(MODEL)
        (whole,) = (entry for entry in hub.snapshot(head).files if entry.path == "README.md")
        assert whole.identity is not None
        part = Attachment(kind="text", key=whole.identity, data=hub.read(MODEL, head.commit, "README.md")[:1_000_000])
        session.store.write(GraphBatch(attachments=(part,)))
        snapshot = hub.snapshot(head)
    assert snapshot.card_text is None
    assert "not in the store" in snapshot.unreadable["README.md"]


@pytest.mark.parametrize("listed", ["weights", "new"])
def test_every_answer_takes_what_the_index_lists(repository: BareRepository, opened: Open, listed: str) -> None:
    """Old shards under the usual name stay beside those that the index lists, which loaders and all answers take."""
    old = {f"model-0000{number}-of-00002.safetensors": weights(number, f"old.{number}") for number in (1, 2)}
    files = [f"{listed}-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    new = {path: weights(number, f"new.{number}") for number, path in enumerate(files)}
    name = "model.safetensors.index.json"
    first = repository.commit({**old, name: index(0, {path: [path] for path in old})}, "first")
    repository.commit({**new, name: index(0, {path: [path] for path in new})}, "v2")
    with opened() as session:
        (main,) = (group for group in fingerprint(session, MODEL).groups if group.main)
        collect(session, [MODEL])
        (kept,) = (edge.properties for edge in _groups(session) if edge.properties["main"] and _is_new(edge))
        (change,) = (each for each in checked(session).weight_changes if each.counts)
        compared = diff(session, f"{MODEL}@{first}", MODEL)
    assert [file.path for file in main.files] == kept["files"] == files
    assert [(each.kind, each.files[-3:]) for each in change.groups] == [("reshaped", tuple(files))]
    assert compared.weights.kind == "reshaped"


def _is_new(edge: EdgeRow) -> bool:
    return len(edge.properties["files"]) == 3
