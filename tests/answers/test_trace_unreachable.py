"""A trace through parents that the Hub does not give: each has its own reason, and the answer is not complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.huggingface.retry import RetryPolicy
from lineage_cli.trace import exit_code
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.answers.trace import TraceAnswer
from tests.support.bare_repository import BareRepository
from tests.support.hub_faults import Fault, body_of, gated, not_found, rate_limited, refused
from tests.support.hub_server import HubServer

pytestmark = pytest.mark.slow

CHILD, FIRST, SECOND, ROOT = "me/merge", "one/first", "two/second", "old/root"

POLICY = RetryPolicy(tries=1, sleep=lambda seconds: None)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """Serve a merge of two models, the first of which has a parent too."""
    cards = {
        CHILD: f"---\nbase_model:\n- {FIRST}\n- {SECOND}\n---\n",
        FIRST: f"---\nbase_model: {ROOT}\n---\n",
        SECOND: "no parent",
        ROOT: "no parent",
    }
    with HubServer() as server:
        for model, card in cards.items():
            made = BareRepository(tmp_path / "served" / f"{model}.git")
            made.commit({"README.md": card.encode(), "config.json": b"{}"})
            server.add(model, made.git_dir)
        yield server


def session(hub: HubServer, folder: Path, *, offline: bool = False) -> Session:
    """Open that Hub, which is given up after one try."""
    settings = hub.settings(folder)
    opened = Session(settings=settings, offline=offline)
    opened.__dict__["hub"] = opened.keep(HuggingFaceHub(settings, offline=offline, policy=POLICY))
    return opened


def strike(hub: HubServer, model: str, fault: Fault) -> None:
    """Answer every request about a model with a fault."""
    hub.fault(f"*{model}*", fault)


def incomplete(answer: TraceAnswer) -> dict[str, Incomplete]:
    """Map models to what is incomplete of them."""
    return {each.model: each for each in answer.incomplete}


FAULTS = [
    ("unreachable", refused(503), 2),
    ("rate_limited", rate_limited(100_000), 2),
    ("error", body_of("<html>", "text/html"), 2),
    ("gated", gated(), 0),
    ("missing", not_found(), 0),
]


@pytest.mark.parametrize(("reason", "fault", "code"), FAULTS, ids=[reason for reason, _, _ in FAULTS])
def test_each_parent_has_its_own_reason(hub: HubServer, tmp_path: Path, reason: str, fault: Fault, code: int) -> None:
    """Two parents that cannot be read are reported with their own names, also when they are asked for again."""
    for parent in (FIRST, SECOND):
        strike(hub, parent, fault)
    for _ in range(2):
        with session(hub, tmp_path) as opened:
            answer = trace(opened, CHILD)
        found = incomplete(answer)
        assert {model: each.reason for model, each in found.items()} == {FIRST: reason, SECOND: reason}
        for model, other in ((FIRST, SECOND), (SECOND, FIRST)):
            assert model in (found[model].detail or "")
            assert other not in (found[model].detail or "")
        assert exit_code(answer) == code


def test_the_note_of_one_parent_is_not_that_of_the_other(hub: HubServer, tmp_path: Path) -> None:
    """Offline, what the store kept of an unread parent names that parent."""
    for parent in (FIRST, SECOND):
        strike(hub, parent, refused(503))
    with session(hub, tmp_path) as opened:
        collect(opened, [CHILD], depth=0)
    with session(hub, tmp_path, offline=True) as opened:
        found = incomplete(trace(opened, CHILD))
    assert FIRST in (found[FIRST].detail or "")
    assert SECOND in (found[SECOND].detail or "")
    assert FIRST not in (found[SECOND].detail or "")


def test_a_hub_that_is_down_is_the_reason_and_not_a_limit(hub: HubServer, tmp_path: Path) -> None:
    """If a model is stored and the Hub is down when its parents are read, each parent is unreachable."""
    with session(hub, tmp_path) as opened:
        check(opened, [CHILD])
    for model in (CHILD, FIRST, SECOND):
        strike(hub, model, refused(503))
    with session(hub, tmp_path) as opened:
        answer = trace(opened, CHILD)
    assert {model: each.reason for model, each in incomplete(answer).items()} == {
        FIRST: "unreachable",
        SECOND: "unreachable",
    }
    assert exit_code(answer) == 2


def test_a_path_through_an_unreachable_parent_names_the_reason(hub: HubServer, tmp_path: Path) -> None:
    """Where paths are taken from the store alone, the Hub's last answer is the reason, and not a limit."""
    strike(hub, FIRST, refused(503))
    with session(hub, tmp_path) as opened:
        collect(opened, [CHILD])
        answer = trace(opened, CHILD, to=FIRST)
    assert incomplete(answer)[FIRST].reason == "unreachable"
    assert exit_code(answer) == 2


def test_an_unread_ancestor_is_read_without_its_child(hub: HubServer, tmp_path: Path) -> None:
    """Ancestors that were not read are requested by their own names, as deep as the question goes."""
    with session(hub, tmp_path) as opened:
        check(opened, [CHILD])
    strike(hub, CHILD, refused(503))
    with session(hub, tmp_path) as opened:
        shallow = trace(opened, CHILD, depth=1)
        assert {model.id: model.depth for model in shallow.models} == {CHILD: 0, FIRST: 1, SECOND: 1}
        assert [each.reason for each in shallow.incomplete] == ["limit"]
        assert exit_code(shallow) == 0
        deep = trace(opened, CHILD)
    assert {model.id: model.depth for model in deep.models} == {CHILD: 0, FIRST: 1, SECOND: 1, ROOT: 2}
    assert deep.incomplete == ()


ASKS: dict[str, Callable[[Session, str], object]] = {
    "collect": lambda session, model: collect(session, [model, CHILD]),
    "trace": trace,
    "check": lambda session, model: check(session, [model]),
    "paths": lambda session, model: trace(session, CHILD, to=model),
    "down": lambda session, model: trace(session, model, down=True),
}


@pytest.mark.parametrize("question", ASKS)
def test_a_mistyped_name_is_not_kept(hub: HubServer, tmp_path: Path, question: str) -> None:
    """A model that the Hub does not have and that no card names is reported, and is not in the store afterwards."""
    with session(hub, tmp_path) as opened:
        ASKS[question](opened, "nope/typo")
        answer = trace(opened, "nope/typo")
        assert incomplete(answer)["nope/typo"].reason == "missing"
        assert exit_code(answer) == 2
        assert "nope/typo" not in states(opened)


def test_a_missing_model_that_a_card_names_is_kept(hub: HubServer, tmp_path: Path) -> None:
    """A missing parent stays as a name, whether it is asked for before or after its child."""
    del hub.repositories[FIRST]
    with session(hub, tmp_path) as opened:
        collect(opened, [FIRST])
        assert FIRST not in states(opened)
        collect(opened, [CHILD])
        assert states(opened)[FIRST] == "missing"
        collect(opened, [FIRST], refresh=True)
        assert states(opened)[FIRST] == "missing"


def test_a_model_that_was_there_keeps_its_record(hub: HubServer, tmp_path: Path) -> None:
    """What was read of a model stays when the Hub does not have it any more, with the new state."""
    with session(hub, tmp_path) as opened:
        collect(opened, [FIRST], depth=0)
        before = trace(opened, FIRST).models[0]
        del hub.repositories[FIRST]
        collect(opened, [FIRST], refresh=True)
        after = trace(opened, FIRST).models[0]
    assert (before.state, after.state) == ("present", "missing")
    assert before.revision == after.revision


def states(opened: Session) -> dict[str, str]:
    """Map the ids of the stored models to their states."""
    with opened.store.reading() as view:
        return {row.properties["id"]: row.properties["state"] for row in view.all_nodes("Model")}
