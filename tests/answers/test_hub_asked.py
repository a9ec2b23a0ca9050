"""The last line of an answer says whether its Hub was asked, and the cost says which requests failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.huggingface.retry import RetryPolicy
from lineage.report.render import render
from lineage.report.text import plain
from lineage_schemas.answers.answer import Answer
from tests.support.bare_repository import BareRepository
from tests.support.hub_faults import rate_limited, refused
from tests.support.hub_server import HubServer

CHILD, PARENT = "me/child", "them/parent"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """Serve a model and its parent."""
    with HubServer() as server:
        for model, card in ((CHILD, f"---\nbase_model: {PARENT}\n---\n"), (PARENT, "text")):
            made = BareRepository(tmp_path / "served" / f"{model}.git")
            made.commit({"README.md": card.encode(), "config.json": b"{}"})
            server.add(model, made.git_dir)
        yield server


def session(hub: HubServer, folder: Path, *, offline: bool = False, tries: int = 2) -> Session:
    """Open the served Hub; retries do not wait."""
    settings = hub.settings(folder)
    opened = Session(settings=settings, offline=offline)
    policy = RetryPolicy(tries=tries, sleep=lambda seconds: None)
    opened.__dict__["hub"] = opened.keep(HuggingFaceHub(settings, offline=offline, policy=policy))
    return opened


def last_line(answer: Answer, to_format: str) -> str:
    """Return the last line of a rendered answer."""
    rendered = render(answer, to_format)
    text = rendered if isinstance(rendered, str) else plain(rendered)
    return text.strip().splitlines()[-1].removeprefix("<sub>").replace("\\", "")


@pytest.mark.slow
def test_a_hub_that_was_asked_is_named_with_the_date(hub: HubServer, tmp_path: Path) -> None:
    """After a request the last line names the Hub alone, and the JSON answer has no further field."""
    with session(hub, tmp_path) as opened:
        answer = trace(opened, CHILD)
        name = opened.hub.name
    assert answer.hub_asked
    assert "hub_asked" not in answer.model_dump(mode="json")
    for to_format in ("tree", "markdown"):
        assert last_line(answer, to_format).startswith(f"{name}, read ")


@pytest.mark.slow
@pytest.mark.parametrize("offline", [False, True])
def test_an_answer_from_the_store_says_that_the_hub_was_not_asked(
    hub: HubServer, tmp_path: Path, offline: bool
) -> None:
    """What the store gives is dated by its reading, and the Hub is marked, with --offline or without."""
    with session(hub, tmp_path) as opened:
        collect(opened, [CHILD])
    hub.log.clear()
    with session(hub, tmp_path, offline=offline) as opened:
        answer = trace(opened, CHILD)
        name = opened.hub.name
    assert hub.log == []
    assert answer.model_dump(mode="json")["hub_asked"] is False
    for to_format in ("tree", "markdown"):
        assert last_line(answer, to_format).startswith(f"{name} (not asked), read ")


def test_an_answer_about_a_folder_names_the_folder(hub: HubServer, tmp_path: Path, mine: Path) -> None:
    """A trace of a folder without parents on the Hub does not name the Hub."""
    with session(hub, tmp_path) as opened:
        answer = trace(opened, str(mine))
    assert hub.log == []
    assert not answer.hub_asked
    assert last_line(answer, "tree").startswith("dir-mine-")


def test_an_answer_without_anything_says_that_the_hub_was_not_asked(hub: HubServer, tmp_path: Path) -> None:
    """Offline, a model that is not in the store has no date."""
    with session(hub, tmp_path, offline=True) as opened:
        answer = trace(opened, CHILD)
        name = opened.hub.name
    assert last_line(answer, "tree") == f"{name} (not asked)"


def test_a_hub_that_did_not_respond_was_asked(hub: HubServer, tmp_path: Path) -> None:
    """Failed requests are requests: the Hub was asked, and gave nothing."""
    hub.fault("*", refused(503))
    with session(hub, tmp_path) as opened:
        assert trace(opened, CHILD).hub_asked


@pytest.mark.slow
@pytest.mark.parametrize("fault", [refused(503), rate_limited(1)], ids=["503", "429"])
def test_failed_requests_are_counted_apart(hub: HubServer, tmp_path: Path, fault: object) -> None:
    """`requests` are those that the Hub answered; each try that failed is counted under `failed`."""
    with session(hub, tmp_path / "a") as opened:
        plain_cost = collect(opened, [CHILD]).cost
    assert plain_cost.failed == 0
    assert "failed" not in plain_cost.model_dump(mode="json")
    hub.fault(f"*/api/models/{PARENT}*", fault)  # type: ignore[arg-type]
    hub.log.clear()
    with session(hub, tmp_path / "b", tries=3) as opened:
        answer = collect(opened, [CHILD])
    struck = [asked for asked in hub.asked() if asked.status in (429, 503)]
    assert answer.cost.failed == len(struck) > 0
    assert answer.cost.requests == len([asked for asked in hub.asked("/api/*") if asked not in struck])
    rendered = render(answer, "table")
    assert not isinstance(rendered, str)
    assert f", {len(struck)} more failed" in plain(rendered)


def test_a_hub_without_a_connection_costs_no_request(hub: HubServer, tmp_path: Path) -> None:
    """If no server listens, no request was answered."""
    opened = session(hub, tmp_path, tries=2)
    hub.close()
    with opened:
        cost = collect(opened, [CHILD]).cost
    assert (cost.requests, cost.failed > 0) == (0, True)
