"""Rewritten histories: which lost weights `check` reports, and which start of the range accepts a rewrite."""

from __future__ import annotations

import random

import pytest

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.marks import confirm
from lineage.answers.session import Session
from lineage.answers.store import store_check
from lineage_schemas.answers.check import CheckAnswer
from tests.support.bare_repository import AN_HOUR, BareRepository
from tests.support.readings import MODEL
from tests.support.weight_files import safetensors_bytes

MAIN = "refs/heads/main"


def upload(repository: BareRepository, *seeds: int, later: int = 2 * AN_HOUR) -> list[str]:
    """Commit weights of these seeds one after the other under the same title, and return the commits."""
    made = []
    for seed in seeds:
        content = safetensors_bytes({"layers.0.weight": ("U8", (64,), random.Random(seed).randbytes(64))})
        made.append(repository.commit({"model.safetensors": content}, later=later))
    return made


def ask(session: Session, since: str | None, target: str = MODEL) -> CheckAnswer:
    """Check the model and confirm the answer."""
    answer = check(session, [target], since=since)
    assert isinstance(answer, CheckAnswer)
    confirm(session, answer)
    return answer


def lost(answer: CheckAnswer) -> list[str | None]:
    """List the commits whose weights the answer reports as lost."""
    return [finding.pointer.revision for finding in answer.findings if finding.id == "rewritten-history"]


@pytest.mark.slow
def test_a_range_does_not_hide_a_rewrite(repository: BareRepository, session: Session) -> None:
    """A start at the fork, a date, a branch and the last check report the rewrite; a pin behind it accepts it."""
    first = upload(repository, 1)[0]
    ask(session, "last")
    old = upload(repository, 2)
    collect(session, [MODEL], refresh=True)
    repository.git("update-ref", MAIN, first)
    new = upload(repository, 3)[0]
    repository.tag("v2")
    for since in (first, first[:12], "last", "last", "2023-11-01", "yesterday", "main", None):
        assert lost(ask(session, since)) == old, since
    for since in (new, new[:12], "v2"):
        assert lost(ask(session, since)) == [], since


def test_a_pin_before_a_second_rewrite_does_not_accept_it(repository: BareRepository, session: Session) -> None:
    """A commit after the fork of one rewrite and at that of the next accepts the first one only."""
    first = upload(repository, 1, 2)[0]
    ask(session, None)
    repository.git("update-ref", MAIN, first)
    pin, old = upload(repository, 3, 4)
    ask(session, None)
    repository.git("update-ref", MAIN, pin)
    upload(repository, 5)
    assert lost(ask(session, pin)) == [old]
    assert len(lost(ask(session, first))) == 2


def test_a_rewrite_in_the_middle_is_seen(repository: BareRepository, session: Session) -> None:
    """Lost weights are reported though the weights recorded last are still there, whatever the dates are."""
    first, middle, _ = upload(repository, 1, 2, 3)
    ask(session, None)
    repository.git("update-ref", MAIN, first)
    upload(repository, 4, 3)
    assert lost(ask(session, None)) == [middle]


def test_the_date_of_a_lost_commit_does_not_hide_it(repository: BareRepository, session: Session) -> None:
    """A lost commit that is dated before all others is reported, though a later-dated one kept its weights."""
    first, _ = upload(repository, 1, 2)
    old = upload(repository, 3, later=-1000 * AN_HOUR)
    ask(session, None)
    repository.git("update-ref", MAIN, first)
    upload(repository, 2, later=2000 * AN_HOUR)
    assert lost(ask(session, None)) == old


@pytest.mark.slow
def test_many_lost_changes_are_listed_in_part(repository: BareRepository, session: Session) -> None:
    """An answer lists ten lost changes, and its last finding says how many more there are."""
    first = upload(repository, *range(1, 14))[0]
    ask(session, None)
    repository.git("update-ref", MAIN, first)
    answer = ask(session, None)
    messages = [finding.message for finding in answer.findings if finding.id == "rewritten-history"]
    assert len(messages) == 10
    assert [message.endswith("the same is true of 2 more recorded changes") for message in messages] == [
        *[False] * 9, True,
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("holder", ["tag", "branch"])
def test_a_ref_that_holds_the_old_commits_hides_nothing(
    repository: BareRepository, session: Session, holder: str
) -> None:
    """Lost weights are reported while a tag or another branch still has the commits that a force-push removed."""
    first, old = upload(repository, 1, 2)
    ask(session, None)
    repository.git(holder, "keep", old)
    repository.git("update-ref", MAIN, first)
    new = upload(repository, 3)
    assert lost(ask(session, None)) == [old]
    assert lost(ask(session, "last")) == [old]
    repository.git("update-ref", MAIN, old)
    assert lost(ask(session, None)) == new


def test_the_end_of_a_push_may_be_rewritten(repository: BareRepository, session: Session) -> None:
    """Lost weights are reported where only the later commits of one push were replaced, whatever is read afterwards."""
    upload(repository, 1)
    first, old = (upload(repository, seed, later=60)[0] for seed in (2, 3))
    ask(session, None)
    repository.git("update-ref", MAIN, first)
    upload(repository, 4, later=60)
    assert lost(ask(session, None)) == [old]
    assert lost(ask(session, None)) == [old]
    assert store_check(session).verdict == "clean"


def test_a_push_that_grows_or_is_merged_loses_nothing(repository: BareRepository, session: Session) -> None:
    """Commits that join a push, and commits that a merge puts on its second side, are still on the branch."""
    upload(repository, 1)
    start = upload(repository, 2, later=60)[0]
    ask(session, None)
    old = upload(repository, 3, later=60)[0]
    assert lost(ask(session, None)) == []
    repository.git("update-ref", MAIN, start)
    new = upload(repository, 4)[0]
    merged = repository.git("commit-tree", f"{new}^{{tree}}", "-p", new, "-p", old, "-m", "Merge")
    repository.git("update-ref", MAIN, merged)
    assert lost(ask(session, None)) == []


@pytest.mark.slow
def test_a_commit_or_tag_reports_what_was_lost_before_it(repository: BareRepository, session: Session) -> None:
    """A check of a commit or tag of the new history reports the rewrite; one of the fork, or before it, does not."""
    before, fork, old = upload(repository, 1, 2, 3)
    ask(session, None)
    repository.git("update-ref", MAIN, fork)
    new, _ = upload(repository, 4, 5)
    repository.tag("v2", new)
    repository.tag("v1", fork)
    for target in (new, "v2"):
        assert lost(ask(session, None, f"{MODEL}@{target}")) == [old], target
    for target in (before, fork, "v1"):
        assert lost(ask(session, None, f"{MODEL}@{target}")) == [], target
    upload(repository, 3)
    assert lost(ask(session, None, f"{MODEL}@{new}")) == lost(ask(session, None))
