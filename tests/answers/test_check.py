"""`check` and `history` on real repositories: the zoo's, and recorded ones."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.history import history
from lineage.answers.marks import confirm
from lineage.answers.session import Session
from lineage.errors import InputError, ModelNotFoundError, RevisionNotFoundError
from lineage_schemas.answers.check import CheckAnswer, CheckAnswers
from tests.support.repositories import recorded_history, zoo_hub

REVISED = "heronml/heron-gpt2-tiny-licences"

Opened = Callable[..., Session]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Open sessions on one store, and close them at the end."""
    sessions: list[Session] = []

    def open_session(hub: Path, *, offline: bool = False) -> Session:
        while sessions:  # its log would grow, and each new session reads it whole to check it
            sessions.pop().close()
        sessions.append(Session(hub_selector=str(hub), store_url=str(tmp_path / "lineage.db"), offline=offline))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


@pytest.fixture
def hub(small_zoo: Path, tmp_path: Path) -> Path:
    """Make a directory Hub of the small zoo, the revised model as a bare repository with its LFS objects."""
    return zoo_hub(small_zoo, tmp_path / "hub")


def one(session: Session, target: str, **how: str) -> CheckAnswer:
    """Check one model, and confirm that the answer was read."""
    answer = check(session, [target], **how)  # type: ignore[arg-type]
    assert isinstance(answer, CheckAnswer)
    confirm(session, answer)
    return answer


def git(hub: Path, *arguments: str) -> str:
    """Run git on the revised model's repository."""
    command = ["git", "-C", str(hub / f"{REVISED}.git"), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_silent_announced_reserialised_and_readme_only_are_distinguished(hub: Path, opened: Opened) -> None:
    """Of five revisions one is silent, one announced, one holds the same tensors, one touches no weights."""
    answer = one(opened(hub), REVISED)
    found = [(change.kind, change.verdict) for change in answer.weight_changes]
    assert found == [
        ("first_upload", None), ("retrained", "silent"), ("reserialised", None), ("retrained", "versioned"),
    ]  # fmt: skip
    assert (answer.verdict, answer.counts.silent, answer.counts.after_first_upload) == ("findings", 1, 2)
    assert [finding.id for finding in answer.findings] == ["silent-weight-change"]
    assert answer.findings[0].pointer.revision == answer.weight_changes[1].revisions[-1]
    assert not answer.unchecked


def test_since_limits_the_range(hub: Path, opened: Opened) -> None:
    """No change is after the tag of the last release; from an earlier date on, the announced change is in range."""
    session = opened(hub)
    assert one(session, REVISED, since="v1.1").verdict == "clean"
    answer = one(session, REVISED, since="2024-05-01")
    assert [change.kind for change in answer.weight_changes] == ["reserialised", "retrained"]
    assert answer.verdict == "clean"


@pytest.mark.slow
def test_since_last_starts_at_the_last_check(hub: Path, opened: Opened) -> None:
    """The first check covers the whole history, the next only what came after it."""
    tip = git(hub, "rev-parse", "main")
    git(hub, "update-ref", "refs/heads/main", f"{tip}~3")
    assert len(one(opened(hub), REVISED, since="last").weight_changes) == 1
    git(hub, "update-ref", "refs/heads/main", tip)
    answer = one(opened(hub), REVISED, since="last")
    assert [change.kind for change in answer.weight_changes] == ["retrained", "reserialised", "retrained"]
    assert one(opened(hub), REVISED, since="last").weight_changes == ()


def test_only_a_check_moves_the_mark_of_the_last_check(hub: Path, opened: Opened) -> None:
    """A `history` in between hides no change from the next check since the last one."""
    tip = git(hub, "rev-parse", "main")
    git(hub, "update-ref", "refs/heads/main", f"{tip}~3")
    one(opened(hub), REVISED)
    git(hub, "update-ref", "refs/heads/main", tip)
    history(opened(hub), REVISED)
    assert one(opened(hub), REVISED, since="last").counts.silent == 1


def test_offline_since_last_is_unchecked(hub: Path, opened: Opened) -> None:
    """Offline, changes since the last check cannot be known, so the answer is unchecked and not clean."""
    one(opened(hub), REVISED, since="v1.1")
    hub.rename(hub.with_name("gone"))
    hub.mkdir()
    answer = one(opened(hub, offline=True), REVISED, since="last")
    assert any(item.what in ("--since last", f"refs of {REVISED}") for item in answer.unchecked)


def test_start_that_is_not_on_the_line_is_unchecked(hub: Path, opened: Opened) -> None:
    """A revision that is not on the branch leaves one thing unchecked, with the reason; no other range is checked."""
    answer = one(opened(hub), REVISED, since="v9")
    assert (answer.verdict, answer.weight_changes, answer.covers) == ("unchecked", (), None)
    [item] = answer.unchecked
    assert item.what == "--since v9"
    assert "v9 is not on refs/heads/main" in item.reason
    assert item.decide_with == f"lineage check {REVISED}"


def test_rewritten_history_with_other_weights_is_a_finding(hub: Path, opened: Opened) -> None:
    """Recorded weights that are no longer on any commit of the branch are a finding until a commit is pinned."""
    tip = git(hub, "rev-parse", "main")
    one(opened(hub), REVISED)
    git(hub, "update-ref", "refs/heads/main", f"{tip}~3")
    git(hub, "tag", "-d", "v1.1")
    for _ in range(2):
        answer = one(opened(hub), REVISED, since="last")
        assert {finding.id for finding in answer.findings} == {"rewritten-history", "version-removed"}
        assert answer.verdict == "findings"


def test_squash_that_keeps_the_weights_is_not_a_finding(hub: Path, opened: Opened) -> None:
    """A history of several uploads that was squashed to one commit with the last weights is clean."""
    one(opened(hub), REVISED)
    squashed = git(hub, "commit-tree", "-m", "Super-squash branch 'main'", "main^{tree}")
    git(hub, "update-ref", "refs/heads/main", squashed)
    git(hub, "tag", "-d", "v1.0")
    git(hub, "tag", "-d", "v1.1")
    answer = one(opened(hub), REVISED)
    assert {finding.id for finding in answer.findings} == {"version-removed"}
    assert answer.verdict == "clean"
    assert [change.kind for change in answer.weight_changes] == ["first_upload"]


def test_offline_answers_from_the_store(hub: Path, opened: Opened) -> None:
    """A collected model can be checked without the Hub; the answer has the date of the reading."""
    before = one(opened(hub), REVISED)
    hidden = hub.rename(hub.with_name("gone"))
    hub.mkdir()
    answer = one(opened(hub, offline=True), REVISED)
    assert answer.weight_changes == before.weight_changes
    assert answer.collected_at == before.collected_at
    assert answer.verdict == "findings"
    assert hidden.is_dir()


def test_several_targets_answer_as_a_list(hub: Path, opened: Opened) -> None:
    """A missing model and an invalid target are unchecked in their place and do not stop the others."""
    answer = check(opened(hub), ["nobody/nothing", REVISED, "no model"])
    assert isinstance(answer, CheckAnswers)
    assert [each.verdict for each in answer.answers] == ["unchecked", "findings", "unchecked"]
    assert all(each.unchecked for each in answer.answers if each.verdict == "unchecked")


def test_single_invalid_target_is_rejected(hub: Path, opened: Opened) -> None:
    """An invalid target that is the only one is an input error, not an answer."""
    with pytest.raises(InputError):
        check(opened(hub), ["no model"])


@pytest.mark.slow
def test_branch_and_tag_name_a_line(hub: Path, opened: Opened) -> None:
    """A branch has its own line; a tag ends the line at its commit; an unknown name is unchecked."""
    git(hub, "branch", "old", "main~3")
    session = opened(hub)
    assert len(one(session, f"{REVISED}@old").weight_changes) == 1
    assert one(session, f"{REVISED}@old").branch == "refs/heads/old"
    assert len(one(session, f"{REVISED}@v1.0").weight_changes) == 1
    assert one(session, f"{REVISED}@nowhere").verdict == "unchecked"


def test_history_lists_every_push(hub: Path, opened: Opened) -> None:
    """Each push is listed with titles, tags and what it did; other branches on request."""
    git(hub, "branch", "old", "main~3")
    session = opened(hub)
    answer = history(session, REVISED)
    assert answer.source == "git-full"
    assert [push.change.kind if push.change else None for push in answer.lines[0].pushes] == [
        "first_upload", None, "retrained", "reserialised", "retrained",
    ]  # fmt: skip
    assert answer.lines[0].pushes[-1].tags == ("v1.1",)
    assert [line.branch for line in history(session, REVISED, all_branches=True).lines] == [
        "refs/heads/main", "refs/heads/old",
    ]  # fmt: skip


def test_history_of_nothing_is_an_error(hub: Path, opened: Opened) -> None:
    """A missing model and a missing branch are errors."""
    with pytest.raises(ModelNotFoundError):
        history(opened(hub), "nobody/nothing")
    with pytest.raises(RevisionNotFoundError):
        history(opened(hub), f"{REVISED}@nowhere")


@pytest.mark.parametrize("missing_small", [False, True])
def test_recorded_repositories(histories: Path, opened: Opened, tmp_path: Path, *, missing_small: bool) -> None:
    """Real histories are checked even if small files are missing; a repository without replacements is clean."""
    names = {"MiMiGame-1__Reflection-Llama-3.1-70B": 1, "EchoCog__gpt-oss-20b": 0, "Zekun525__lisa-7B": 0}
    for name in names:
        folder = tmp_path / "hub" / f"org/{name.replace('__', '.')}.git"
        folder.parent.mkdir(parents=True, exist_ok=True)
        recorded_history(histories / f"{name}.json.gz", folder, missing_small=missing_small)
    session = opened(tmp_path / "hub")
    for name, silent in names.items():
        answer = one(session, f"org/{name.replace('__', '.')}")
        assert (answer.verdict, answer.counts.silent) == ("findings" if silent else "clean", silent)
        unread = [item.what for item in answer.unchecked if item.what.startswith("README.md")]
        assert bool(unread) == (missing_small and bool(silent))
