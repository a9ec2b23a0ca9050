"""A Hub that does not respond is given up once, and one slow model does not count as that."""

from __future__ import annotations

import pytest

from lineage.errors import HubError, NoAnswerError
from lineage.hub.huggingface.outage import GIVEN_UP_SECONDS, Outage
from lineage.hub.huggingface.retry import Pace
from lineage.progress import SILENT
from tests.hub.conftest import Hurry, Listening, OpenHub
from tests.support import hub_faults
from tests.support.hub_server import HubServer


@pytest.fixture
def outage(hurry: Hurry, listening: Listening) -> Outage:
    """Watch a Hub on a clock that the test moves."""
    return Outage("hub", listening, lambda: hurry.now)


def is_given_up(outage: Outage) -> bool:
    """Return whether the Hub is not asked any more."""
    try:
        outage.check()
    except NoAnswerError:
        return True
    return False


def test_a_hub_without_a_connection_is_given_up_at_once(outage: Outage, hurry: Hurry, listening: Listening) -> None:
    """After one request whose tries all were refused, nothing is sent for a while; one note says so."""
    for _ in range(3):
        outage.failed("org/one", "connection refused", answers=0, is_refused=True)
    with pytest.raises(NoAnswerError, match="hub does not respond"):
        outage.check()
    assert len(listening.notes) == 1
    hurry.now += GIVEN_UP_SECONDS
    assert not is_given_up(outage)


def test_a_hub_that_only_fails_is_given_up_after_two_models(outage: Outage) -> None:
    """Errors for one model do not give up the Hub; those for another one, with no answer between, do."""
    for _ in range(2):
        outage.failed("org/one", "answered 503", answers=0, is_refused=False)
    assert not is_given_up(outage)
    outage.failed("org/two", "answered 503", answers=0, is_refused=False)
    assert is_given_up(outage)


@pytest.mark.parametrize("is_refused", [False, True])
def test_an_answer_meanwhile_keeps_the_hub(outage: Outage, is_refused: bool) -> None:
    """A Hub that answered another request during the tries of one is not given up."""
    outage.answered()
    for model in ("org/one", "org/two", "org/three"):
        outage.failed(model, "answered 503", answers=0, is_refused=is_refused)
    assert not is_given_up(outage)


def test_the_second_model_is_not_asked_for(open_hub: OpenHub, server: HubServer, hurry: Hurry) -> None:
    """On a Hub whose server is gone only the first model costs tries and waits."""
    server.close()
    hub = open_hub()
    with pytest.raises(NoAnswerError, match="Connection refused"):
        hub.resolve("org/one")
    slept = len(hurry.slept)
    assert slept > 0
    for model in ("org/two", "org/three"):
        with pytest.raises(NoAnswerError, match="not asked, because"):
            hub.resolve(model)
    assert len(hurry.slept) == slept


def test_one_model_that_fails_leaves_the_others(open_hub: OpenHub, server: HubServer) -> None:
    """A model that answers 503 all the time does not keep the next one from being asked for."""
    server.fault("*/org/broken*", hub_faults.refused(503))
    hub = open_hub()
    with pytest.raises(NoAnswerError):
        hub.resolve("org/broken")
    with pytest.raises(HubError, match="no such model"):
        hub.resolve("org/none")


def test_a_429_of_one_path_stops_the_others_after_a_second_one(hurry: Hurry) -> None:
    """One refused path may be limited alone; a second one with no other answer between shows that the limit is ours."""
    spent = {"ratelimit": '"api";r=0;t=50'}
    pace = Pace(hurry.policy(), SILENT)
    pace.refused("api", "/one", spent)
    pace.wait("api")
    pace.answered("api", {})
    pace.refused("api", "/two", spent)
    pace.wait("api")
    assert hurry.slept == []
    pace.refused("api", "/three", spent)
    pace.wait("api")
    pace.wait("resolvers")
    assert hurry.slept == [51.0]
