"""Pull requests in `check` and `history`: read when they are named, and kept when they are not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.history import history
from lineage.answers.marks import confirm
from lineage.answers.session import Session
from lineage.answers.store import store_check
from lineage.collect.recorded import recorded_refs
from lineage.errors import ModelNotFoundError, RevisionNotFoundError
from lineage_schemas.answers.check import CheckAnswer
from tests.support.bare_repository import BareRepository
from tests.support.readings import BOTH_KINDS, MODEL, served
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

REQUEST = "refs/pr/1"
NAMED = f"{MODEL}@{REQUEST}"

Opened = Callable[..., Session]


def weights(seed: int) -> bytes:
    """Make one tensor of random bytes."""
    return safetensors_bytes({"layers.0.weight": ("U8", (64,), random.Random(seed).randbytes(64))})


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a model and a pull request that replaces its weights."""
    made = BareRepository(tmp_path / "hub" / f"{MODEL}.git")
    made.commit({"model.safetensors": weights(1)})
    made.commit({"model.safetensors": weights(2)}, branch=REQUEST)
    made.commit({"README.md": b"text"})
    return made


@pytest.fixture(params=BOTH_KINDS)
def opened(request: pytest.FixtureRequest, repository: BareRepository, tmp_path: Path) -> Iterator[Opened]:
    """Open sessions on one store, for a directory Hub or a Hub over HTTP."""
    with ExitStack() as stack:
        how = stack.enter_context(served(request.param, repository, tmp_path))
        yield lambda **more: stack.enter_context(Session(**how, **more))


def ask(session: Session, target: str = NAMED, since: str | None = None) -> CheckAnswer:
    """Check one target."""
    answer = check(session, [target], since=since)
    assert isinstance(answer, CheckAnswer)
    return answer


def kinds(answer: CheckAnswer) -> list[str]:
    """List the kinds of the changes."""
    return [change.kind for change in answer.weight_changes]


def test_a_pull_request_is_checked_and_listed(opened: Opened, repository: BareRepository) -> None:
    """The line of a pull request begins with its base, and the weights that it replaces are a change."""
    session = opened()
    answer = ask(session)
    assert (answer.branch, answer.head) == (REQUEST, repository.git("rev-parse", REQUEST))
    assert kinds(answer)[0] == "first_upload"
    assert len(answer.weight_changes) == 2
    assert answer.counts.silent == 1
    line = history(session, NAMED).lines[0]
    assert (line.branch, line.commits, line.default) == (REQUEST, 2, False)
    assert [push.change.kind for push in line.pushes if push.change] == kinds(answer)


def test_a_pull_request_stays_when_only_branches_are_read(opened: Opened, repository: BareRepository) -> None:
    """A collection or check without pull requests does not report their commits as gone."""
    session = opened()
    collect(session, [MODEL], pull_requests=True)
    repository.commit({"README.md": b"more"})
    assert ask(session, MODEL).verdict == "clean"
    collect(session, [MODEL], refresh=True)
    assert ask(opened(offline=True)).counts.silent == 1
    commit = repository.git("rev-parse", REQUEST)
    assert ask(session, f"{MODEL}@{commit}").counts.silent == 1
    assert store_check(session).findings == ()


def test_collecting_pull_requests_of_a_known_model_reads_them(opened: Opened) -> None:
    """The option is not ignored because the branches of the model are in the store already."""
    session = opened()
    found = []
    for pull_requests in (False, True):
        collect(session, [MODEL], pull_requests=pull_requests)
        with session.store.reading() as view:
            found.append([ref.name for ref in recorded_refs(view, session.hub.key(MODEL))])
    assert found == [["refs/heads/main"], ["refs/heads/main", REQUEST]]


def test_a_pull_request_that_is_gone_is_not_found(opened: Opened, repository: BareRepository) -> None:
    """A pull request whose ref was deleted is reported when pull requests are read again."""
    session = opened()
    ask(session)
    repository.git("update-ref", "-d", REQUEST)
    repository.commit({"README.md": b"more"})
    answer = ask(session)
    assert answer.verdict == "unchecked"
    assert "--pull-requests" in answer.unchecked[0].reason


def test_since_last_follows_a_pull_request(opened: Opened, repository: BareRepository) -> None:
    """A pull request has a mark of its own, and later commits of it are found although no branch moved."""
    session = opened()
    confirm(session, ask(session, since="last"))
    assert kinds(ask(session, since="last")) == []
    repository.commit({"model.safetensors": weights(3)}, branch=REQUEST)
    answer = ask(session, since="last")
    assert answer.counts.silent == 1
    assert kinds(ask(session, MODEL)) == ["first_upload"]


@pytest.mark.parametrize("name", ["refs/pr/7", "pr/1", "pull/1"])
def test_an_unknown_pull_request_says_how_to_read_it(opened: Opened, name: str) -> None:
    """A name that means no recorded pull request is an error with the command that reads them."""
    session = opened()
    reason = ask(session, f"{MODEL}@{name}").unchecked[0].reason
    assert "--pull-requests" in reason
    assert "refs/pr/N" in reason
    with pytest.raises((RevisionNotFoundError, ModelNotFoundError)) as error:
        history(session, f"{MODEL}@{name}")
    assert "--pull-requests" in (error.value.hint or error.value.message)
