"""Which commits a check covers, and where the next `check --since last` starts."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.history import history
from lineage.answers.marks import confirm, last_checked
from lineage.answers.session import Session
from lineage.answers.store import store_forget
from lineage_schemas.answers.check import CheckAnswer, CheckedRange
from tests.support.bare_repository import AN_HOUR, BareRepository
from tests.support.readings import MODEL
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

MAIN = "refs/heads/main"
INDEX = "model.safetensors.index.json"


def weights(seed: int, layer: int = 0) -> bytes:
    """Make one tensor of random bytes."""
    return safetensors_bytes({f"layers.{layer}.weight": ("U8", (64,), random.Random(seed).randbytes(64))})


def upload(repository: BareRepository, *seeds: int) -> list[str]:
    """Commit weights one after the other, each silently, and return the commits."""
    return [repository.commit({"model.safetensors": weights(seed)}) for seed in seeds]


def ask(session: Session, since: str | None = "last", target: str = MODEL) -> CheckAnswer:
    """Check the model without confirming the answer."""
    answer = check(session, [target], since=since)
    assert isinstance(answer, CheckAnswer)
    return answer


def silent(answer: CheckAnswer) -> list[str]:
    """List the commits of the silent changes."""
    return [change.revisions[0] for change in answer.weight_changes if change.verdict == "silent"]


def mark(session: Session) -> str | None:
    """Return the stored mark of the default branch."""
    with session.store.reading() as view:
        return last_checked(view, session.hub.key(MODEL), MAIN)


def test_an_answer_that_was_not_confirmed_is_given_again(repository: BareRepository, session: Session) -> None:
    """A check alone moves no mark, however often it is asked."""
    commits = upload(repository, 1, 2)
    for _ in range(3):
        answer = ask(session)
        assert silent(answer) == commits[1:]
        assert mark(session) is None
    confirm(session, answer)
    assert silent(ask(session)) == []


def test_an_answer_says_what_it_covers(repository: BareRepository, session: Session) -> None:
    """The answer names the commits that are covered, and a later collection keeps the mark."""
    commits = upload(repository, 1, 2, 3)
    answer = ask(session, since=commits[0])
    assert answer.covers == CheckedRange(after=commits[0], until=commits[2])
    confirm(session, answer)
    assert mark(session) == commits[2]
    collect(session, [MODEL], refresh=True)
    history(session, MODEL)
    assert mark(session) == commits[2]


def test_ranges_are_joined_only_without_a_gap(repository: BareRepository, session: Session) -> None:
    """A later check that began behind the last mark leaves it in place: nothing between them was checked."""
    commits = upload(repository, 1, 2)
    confirm(session, ask(session))
    commits += upload(repository, 3, 4, 5)
    pinned = ask(session, since=commits[3])
    assert (silent(pinned), pinned.covers) == (commits[4:], CheckedRange(after=commits[3], until=commits[4]))
    confirm(session, pinned)
    answer = ask(session)
    assert silent(answer) == commits[2:]
    assert answer.covers == CheckedRange(after=commits[1], until=commits[4])


def test_a_mark_never_moves_back(repository: BareRepository, session: Session) -> None:
    """An answer that is confirmed after a later one does not bring the later findings back."""
    upload(repository, 1, 2)
    early = ask(session)
    commits = upload(repository, 3)
    confirm(session, ask(session))
    confirm(session, early)
    assert mark(session) == commits[0]


def test_an_answer_does_not_depend_on_the_mark(repository: BareRepository, session: Session) -> None:
    """A check of the whole history gives the same answer whatever was checked before."""
    upload(repository, 1, 2)
    first = ask(session, since=None)
    confirm(session, first)
    assert ask(session, since=None).covers == first.covers


def test_a_change_that_was_left_undecided_is_checked_again(repository: BareRepository, session: Session) -> None:
    """The mark stops before a change whose kind is unknown, and every next check reports that and what follows."""
    two = {f"model-{n + 1:05}-of-00002.safetensors": weights(n, n) for n in range(2)}
    three = {f"model-{n + 1:05}-of-00003.safetensors": weights(9 + n, n) for n in range(3)}
    listing = {"weight_map": {f"layers.{n}.weight": f"model-{n + 1:05}-of-00002.safetensors" for n in range(2)}}
    first = repository.commit({**two, **three, INDEX: json.dumps(listing).encode()})
    repository.commit({INDEX: b"{"})
    repository.commit({"README.md": b"text"})
    for after in (None, first):
        answer = ask(session)
        assert (answer.verdict, answer.covers) == ("unchecked", CheckedRange(after=after, until=first))
        assert any(item.what.startswith(f"shards that {INDEX} lists") for item in answer.unchecked)
        confirm(session, answer)
    assert mark(session) == first


def test_dates_that_hide_weights_move_no_mark(repository: BareRepository, session: Session) -> None:
    """A range that a date does not determine covers nothing."""
    upload(repository, 1)
    repository.commit({"README.md": b"text"})
    repository.commit({"model.safetensors": weights(2)}, later=-365 * 24 * AN_HOUR)
    repository.commit({"README.md": b"other"}, later=3 * 365 * 24 * AN_HOUR)
    answer = ask(session, since=f"{datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(days=400):%Y-%m-%d}")
    assert answer.verdict == "unchecked"
    assert answer.covers is None


def test_a_rewritten_history_stays_known_until_the_branch_is_checked(
    repository: BareRepository, session: Session
) -> None:
    """A check of a part of the new branch does not replace the mark on the old one, so that the rewrite is reported."""
    commits = upload(repository, 1, 2)
    confirm(session, ask(session))
    repository.git("update-ref", MAIN, commits[0])
    commits += upload(repository, 3, 4)
    confirm(session, ask(session, since=commits[3]))
    answer = ask(session)
    assert "rewritten-history" in [finding.id for finding in answer.findings]
    assert answer.covers == CheckedRange(after=None, until=commits[3])
    confirm(session, answer)
    assert mark(session) == commits[3]
    assert [finding.id for finding in ask(session).findings] == ["rewritten-history"]


def test_a_check_up_to_a_commit_moves_no_mark(repository: BareRepository, session: Session) -> None:
    """A check that ends at a tag or commit says nothing of the branch behind it."""
    commits = upload(repository, 1, 2, 3)
    assert ask(session, since=None, target=f"{MODEL}@{commits[1]}").covers is None


def test_a_model_that_was_forgotten_meanwhile_gets_no_mark(repository: BareRepository, session: Session) -> None:
    """Confirming the answer about a model that is no longer stored writes nothing."""
    upload(repository, 1, 2)
    answer = ask(session)
    store_forget(session, [MODEL])
    confirm(session, answer)
    with session.store.reading() as view:
        assert list(view.all_nodes("Ref")) == []


def test_a_finding_below_fail_on_counts_in_a_later_check(repository: BareRepository, session: Session) -> None:
    """The mark stops before a warning that did not count, so that a check that fails on warnings finds it."""
    first = upload(repository, 1)[0]
    repository.commit({"model.safetensors": weights(2), "README.md": b"---\nversion: 1.1\n---\n"}, "Release 1.1")
    repository.tag("v2.0")
    answer = ask(session)
    assert ([finding.id for finding in answer.findings], answer.verdict) == (
        ["card-and-tag-differ", "bump-without-change"],
        "clean",
    )
    confirm(session, answer)
    assert mark(session) == first
    later = check(session, [MODEL], since="last", fail_on="warning")
    assert isinstance(later, CheckAnswer)
    assert later.verdict == "findings"
    confirm(session, later)
    assert mark(session) == later.head
