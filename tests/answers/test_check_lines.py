"""`check` on repositories with misleading dates, branches, indexes or storage, made with the real git."""

from __future__ import annotations

import hashlib
import json
import random

import pytest

from lineage.answers.check import check
from lineage.answers.diff import diff
from lineage.answers.history import history
from lineage.answers.marks import confirm
from lineage.answers.session import Session
from lineage.hub.lfs import pointer_blob_id
from lineage.report.render import render
from lineage.report.text import plain
from lineage_schemas.answers.check import CheckAnswer
from tests.support.bare_repository import AN_HOUR, BareRepository
from tests.support.readings import MODEL
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

YEAR = 365 * 24 * AN_HOUR


def weights(seed: int) -> bytes:
    """Make four tensors of random bytes."""
    chance = random.Random(seed)
    return safetensors_bytes({f"layers.{n}.weight": ("BF16", (4, 8), chance.randbytes(64)) for n in range(4)})


def one(session: Session, target: str = MODEL, since: str | None = None) -> CheckAnswer:
    """Check one model, and confirm that the answer was read."""
    answer = check(session, [target], since=since)
    assert isinstance(answer, CheckAnswer)
    confirm(session, answer)
    return answer


def kinds(answer: CheckAnswer) -> list[tuple[str, str | None]]:
    """List kind and verdict of each change."""
    return [(change.kind, change.verdict) for change in answer.weight_changes]


def test_a_backdated_replacement_is_found(repository: BareRepository, session: Session) -> None:
    """A silent replacement that is dated before the announced one is not hidden in the push of the latter."""
    repository.commit({"model.safetensors": weights(1)})
    repository.commit({"model.safetensors": weights(2)}, "Version 2")
    repository.commit({"model.safetensors": weights(3)}, later=-9 * 24 * AN_HOUR)
    answer = one(session)
    assert kinds(answer) == [("first_upload", None), ("retrained", "versioned"), ("retrained", "silent")]
    assert answer.verdict == "findings"


def test_since_a_date_names_weights_that_dates_hide(repository: BareRepository, session: Session) -> None:
    """A backdated replacement at the head is outside every range of dates: unchecked, with the deciding command."""
    repository.commit({"model.safetensors": weights(1)})
    before = repository.commit({"README.md": b"text"})
    repository.commit({"model.safetensors": weights(2)}, later=-YEAR)
    answer = one(session, since="yesterday")
    assert (answer.verdict, answer.weight_changes) == ("unchecked", ())
    assert [item.what for item in answer.unchecked] == ["--since yesterday"]
    assert answer.unchecked[0].decide_with == f"lineage check {MODEL} --since {before}"
    assert kinds(one(session, since=before)) == [("retrained", "silent")]


def test_announced_weights_with_an_old_date_leave_nothing_open(repository: BareRepository, session: Session) -> None:
    """An announced change whose date proves nothing is no finding, wherever the range begins."""
    repository.commit({"model.safetensors": weights(1)})
    repository.commit({"model.safetensors": weights(2)}, "Version 2", later=-YEAR)
    assert one(session, since="yesterday").verdict == "clean"


def shards(count: int, seed: int, *, stem: str = "model", index: bool = True) -> dict[str, bytes | None]:
    """Make six tensors of random bytes in some shards, with the index that lists them."""
    chance = random.Random(seed)
    tensors = {f"layers.{n}.weight": ("BF16", (4, 8), chance.randbytes(64)) for n in range(6)}
    files: dict[str, bytes | None] = {}
    listed = {}
    for number in range(count):
        name = f"{stem}-{number + 1:05}-of-{count:05}.safetensors"
        part = dict(list(tensors.items())[number::count])
        files[name] = safetensors_bytes(part)
        listed.update(dict.fromkeys(part, name))
    if index:
        files[INDEX] = json.dumps({"weight_map": listed}).encode()
    return files


INDEX = "model.safetensors.index.json"


def whole(seed: int) -> bytes:
    """Put the tensors of `shards` into one file."""
    chance = random.Random(seed)
    return safetensors_bytes({f"layers.{n}.weight": ("BF16", (4, 8), chance.randbytes(64)) for n in range(6)})


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (shards(3, 1), shards(2, 2), "retrained"),
        (shards(2, 1), shards(3, 2), "retrained"),
        (shards(3, 1), shards(2, 1), "reserialised"),
        (shards(3, 1), {"model.safetensors": whole(2)}, "retrained"),
        (shards(3, 1), {"model.safetensors": whole(1)}, "reserialised"),
        (shards(2, 2) | shards(3, 1), {INDEX: shards(2, 2)[INDEX]}, "retrained"),
        (shards(2, 1) | shards(3, 1), {INDEX: shards(2, 1)[INDEX]}, "reserialised"),
        (
            shards(2, 1),
            shards(2, 2, stem="other", index=False) | {INDEX: shards(2, 2, stem="other")[INDEX]},
            "retrained",
        ),
        ({"model.safetensors": whole(1)}, shards(3, 2), "component_added"),
    ],
    ids=["fewer", "more", "same-values", "whole", "whole-same", "index", "index-same", "other-stem", "not-loaded"],
)
@pytest.mark.parametrize("folder", ["", "text_encoder/"])
def test_what_loaders_take_decides(
    repository: BareRepository,
    session: Session,
    first: dict[str, bytes],
    second: dict[str, bytes],
    kind: str,
    folder: str,
) -> None:
    """Shards that stay hide no replacement: what a loader takes by name and index is compared with what it took."""
    repository.commit({folder + path: content for path, content in first.items()})
    repository.commit({folder + path: content for path, content in second.items()})
    change = one(session).weight_changes[-1]
    assert (change.kind, change.verdict) == (kind, "silent" if kind == "retrained" else None)


def test_a_switch_back_of_the_index_is_a_change(repository: BareRepository, session: Session) -> None:
    """An index that lists its old shards again brings back the old weights: that is a change as well."""
    repository.commit(shards(3, 1))
    repository.commit(shards(2, 2), "Version 2")
    repository.commit({INDEX: shards(3, 1)[INDEX]})
    answer = one(session)
    assert kinds(answer) == [("first_upload", None), ("retrained", "versioned"), ("retrained", "silent")]
    assert answer.findings[0].pointer.file == INDEX


@pytest.mark.parametrize("index", [b"{", b'{"weight_map": {}}', b'{"weight_map": {"a": "../up.safetensors"}}'])
@pytest.mark.parametrize("files", [shards(2, 2, index=False), {}], ids=["with-shards", "index-alone"])
def test_an_index_that_cannot_be_read_is_unchecked(
    repository: BareRepository, session: Session, index: bytes, files: dict[str, bytes]
) -> None:
    """If there are two sets and the index does not say which is loaded, the answer is not clean."""
    repository.commit(shards(3, 1) | shards(2, 2, index=False))
    repository.commit({INDEX: index, **{path: safetensors_bytes({"a": ("U8", (1,), b"b")}) for path in files}})
    answer = one(session)
    assert answer.verdict in ("unchecked", "findings")
    assert any(item.what.startswith(f"shards that {INDEX} lists at ") for item in answer.unchecked)
    repository.commit({"README.md": b"text"})
    head = repository.commit({"config.json": b"{}"})
    assert one(session, since=head).verdict == "clean"


def test_another_quantisation_is_an_addition(repository: BareRepository, session: Session) -> None:
    """People pick a quantisation by its file's name: one more does not replace the main group."""
    repository.commit({"name-Q5_K_S.gguf": b"GGUF one"})
    repository.commit({"name-Q4_K_M.gguf": b"GGUF two"})
    assert one(session).weight_changes[-1].kind == "component_added"


def test_a_pinned_commit_inside_a_push_cuts_it(repository: BareRepository, session: Session) -> None:
    """Weights that were replaced half an hour after the pinned commit did change in the range."""
    pinned = repository.commit({"model.safetensors": weights(1)}, "Version 1")
    repository.commit({"model.safetensors": weights(2)}, later=AN_HOUR // 2)
    assert kinds(one(session)) == [("first_upload", None)]
    answer = one(session, since=pinned)
    assert kinds(answer) == [("retrained", "silent")]
    assert answer.since_revision == pinned


def test_what_was_announced_before_the_pin_announces_nothing_after_it(
    repository: BareRepository, session: Session
) -> None:
    """A version in the title of the pinned commit announces the pinned weights, not those pushed minutes later."""
    repository.commit({"model.safetensors": weights(1)})
    pinned = repository.commit({"model.safetensors": weights(2)}, "Version 2: the weights were retrained")
    repository.commit({"model.safetensors": weights(3)}, later=600)
    assert kinds(one(session)) == [("first_upload", None), ("retrained", "versioned")]
    assert kinds(one(session, since=pinned)) == [("retrained", "silent")]


def test_weights_restored_inside_a_push_changed_for_the_pin(repository: BareRepository, session: Session) -> None:
    """A push that restores what it overwrote changed nothing, but it did for the commit between."""
    repository.commit({"model.safetensors": weights(1)})
    pinned = repository.commit({"model.safetensors": weights(2)})
    repository.commit({"model.safetensors": weights(1)}, later=600)
    assert kinds(one(session)) == [("first_upload", None)]
    assert kinds(one(session, since=pinned)) == [("retrained", "silent")]
    assert kinds(one(session, f"{MODEL}@{pinned}")) == [("first_upload", None), ("retrained", "silent")]


def test_shards_that_complete_a_pinned_upload_are_no_change(repository: BareRepository, session: Session) -> None:
    """The shards that follow the pinned first one complete the same upload."""
    files = list(shards(3, 1, index=False).items())
    pinned = repository.commit(dict(files[:1]))
    repository.commit(dict(files[1:]), later=600)
    assert kinds(one(session, since=pinned)) == [("first_upload", None)]


def test_since_last_sees_what_a_growing_push_brought(repository: BareRepository, session: Session) -> None:
    """A push that goes on after a check is cut at the checked commit."""
    repository.commit({"model.safetensors": weights(1)})
    assert one(session, since="last").verdict == "clean"
    repository.commit({"model.safetensors": weights(2)}, later=600)
    assert kinds(one(session, since="last")) == [("retrained", "silent")]


BRANCH = "refs/heads/8bit"


def test_a_branch_begins_with_its_first_own_weights(repository: BareRepository, session: Session) -> None:
    """What a branch made from main brings first is its first upload; what follows counts."""
    repository.commit({"model.safetensors": weights(1)})
    repository.commit({"README.md": b"text"}, branch=BRANCH)
    repository.commit({"model.safetensors": weights(2)}, branch=BRANCH)
    assert (kinds(one(session, f"{MODEL}@8bit"))) == [("first_upload", None)] * 2
    repository.commit({"model.safetensors": weights(3)}, branch=BRANCH)
    assert kinds(one(session, f"{MODEL}@8bit")) == [
        ("first_upload", None),
        ("first_upload", None),
        ("retrained", "silent"),
    ]
    pushes = [push.change for push in history(session, f"{MODEL}@8bit").lines[0].pushes]
    assert [change.kind if change else None for change in pushes] == ["first_upload", None, "first_upload", "retrained"]


def test_weights_count_where_a_branch_may_be_the_older_one(repository: BareRepository, session: Session) -> None:
    """A default branch that was made later, at an old commit, does not turn a replacement into a first upload."""
    repository.commit({"model.safetensors": weights(1)})
    repository.commit({"model.safetensors": weights(2)}, branch="refs/heads/trunk")
    repository.git("branch", "-m", "main", "fresh")
    repository.git("symbolic-ref", "HEAD", "refs/heads/fresh")
    assert kinds(one(session, f"{MODEL}@trunk")) == [("first_upload", None), ("retrained", "silent")]


def test_weights_count_where_main_was_moved_along_a_branch(repository: BareRepository, session: Session) -> None:
    """If main ends at a replacement where the branch goes on, that may be the branch's own earlier commit."""
    repository.commit({"model.safetensors": weights(1)})
    moved = repository.commit({"model.safetensors": weights(2)}, branch=BRANCH)
    repository.commit({"model.safetensors": weights(3)}, branch=BRANCH)
    repository.git("update-ref", "refs/heads/main", moved)
    assert kinds(one(session, f"{MODEL}@8bit"))[1:] == [("retrained", "silent")] * 2


def test_files_replaced_within_the_first_push_are_named(repository: BareRepository, session: Session) -> None:
    """Equal dates make one push: clean, and the answer says how many files it replaced."""
    repository.commit({"model.safetensors": weights(1)})
    repository.commit({"model.safetensors": weights(2)}, later=0)
    answer = one(session)
    assert answer.verdict == "clean"
    words = "1 file was replaced within the first push"
    table, markdown = render(answer, "table"), render(answer, "markdown")
    assert isinstance(markdown, str)
    assert not isinstance(table, str)
    assert words in markdown
    assert words in plain(table)


def test_two_sets_without_an_index_leave_check_and_diff_undecided(repository: BareRepository, session: Session) -> None:
    """A second complete set of shards and no index: names do not show which of the two is loaded."""
    repository.commit(shards(3, 1, index=False))
    repository.commit(shards(2, 2, index=False))
    assert one(session).verdict == "unchecked"
    assert any("two complete sets" in item.reason for item in diff(session, MODEL).unchecked)


def test_a_commit_of_the_branch_that_was_pinned_had_weights(repository: BareRepository, session: Session) -> None:
    """For a commit at which a branch had its inherited weights, its own ones replace them, also for --since last."""
    pinned = repository.commit({"model.safetensors": weights(1)})
    repository.git("update-ref", BRANCH, pinned)
    assert one(session, f"{MODEL}@8bit", since="last").verdict == "clean"
    repository.commit({"model.safetensors": weights(2)}, branch=BRANCH, later=600)
    for since in ("last", pinned):
        assert kinds(one(session, f"{MODEL}@8bit", since=since)) == [("retrained", "silent")]
    assert kinds(one(session, f"{MODEL}@8bit")) == [("first_upload", None)] * 2


def test_the_default_branch_has_one_first_upload(repository: BareRepository, session: Session) -> None:
    """A branch that became the default counts as it always would, and so does main beside it."""
    repository.commit({"model.safetensors": weights(1)})
    repository.commit({"model.safetensors": weights(2)}, branch=BRANCH)
    repository.commit({"model.safetensors": weights(3)})
    repository.git("symbolic-ref", "HEAD", BRANCH)
    for target in (MODEL, f"{MODEL}@main"):
        assert kinds(one(session, target)) == [("first_upload", None), ("retrained", "silent")]


def test_inherited_weights_that_a_branch_removes_count(repository: BareRepository, session: Session) -> None:
    """Inherited weights that a branch removes without bringing its own count as removed."""
    repository.commit({"model.safetensors": weights(1), "codec.pth": b"codec"})
    repository.commit({"codec.pth": None}, branch=BRANCH)
    assert kinds(one(session, f"{MODEL}@8bit"))[-1] == ("removed", "silent")


PICKLE = b"PK\x03\x04" + bytes(range(256)) * 400


@pytest.mark.parametrize(("first", "second"), [(False, True), (True, False)], ids=["into-lfs", "out-of-lfs"])
@pytest.mark.parametrize("path", ["pytorch_model.bin", "other/pytorch_model.bin"])
def test_the_same_bytes_in_git_and_in_lfs_are_no_replacement(
    repository: BareRepository, session: Session, first: bool, second: bool, path: str
) -> None:
    """A file that moves between git and LFS has two ids and one SHA-256: it counts only if its bytes change."""
    repository.commit({"pytorch_model.bin": PICKLE}, lfs=first)
    repository.commit({"pytorch_model.bin": None, path: PICKLE}, lfs=second)
    assert kinds(one(session))[1:] == [("reserialised", None)]
    repository.commit({path: PICKLE[::-1]}, lfs=first)
    assert kinds(one(session))[2:] == [("replaced", "silent")]
    with session.store.reading() as view:
        blobs = {row.key: row.properties["alias"] for row in view.find("File", {})}
    sha256 = hashlib.sha256(PICKLE).hexdigest()
    plain = repository.git("hash-object", "--stdin", stdin=PICKLE)
    assert blobs[f"sha256:{sha256}"] == min(plain, pointer_blob_id(sha256, len(PICKLE)))


def test_other_bytes_of_the_same_size_are_a_replacement(repository: BareRepository, session: Session) -> None:
    """A move to LFS hides no change of the file."""
    repository.commit({"pytorch_model.bin": PICKLE}, lfs=False)
    repository.commit({"pytorch_model.bin": PICKLE[::-1]})
    assert kinds(one(session))[1:] == [("replaced", "silent")]


def test_diff_knows_the_same_bytes_in_git_and_in_lfs(repository: BareRepository, session: Session) -> None:
    """Two models with the same file, one in git and one in LFS, have the same weights."""
    repository.commit({"pytorch_model.bin": PICKLE}, lfs=False)
    other = BareRepository(repository.git_dir.with_name("other.git"))
    other.commit({"pytorch_model.bin": PICKLE})
    answer = diff(session, MODEL, "org/other")
    assert (answer.weights.kind, answer.unchecked) == ("equal", ())
