"""Models of a remote Hub compared by headers and samples: what it costs, what the store spares, what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.compare import compare
from lineage.answers.session import Session
from lineage.errors import GatedError, HubUnreachableError, ModelNotFoundError
from lineage_cli.compare import exit_code
from tests.support.hub_faults import gated, not_found
from tests.support.hub_server import HubServer
from tests.support.model_folders import encoded, model, text_encoder, unet, write_model, write_pipeline
from tests.support.sketches import trained
from tests.support.weight_files import write_shards

pytestmark = pytest.mark.slow

BASE = model(0, width=128)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the models of the Hub."""
    root = tmp_path_factory.mktemp("models")
    write_model(root / "a/base", BASE)
    write_model(root / "a/tuned", trained(BASE, 5), card="base_model: a/base\nbase_model_relation: finetune\n")
    write_model(root / "a/lies", model(3, width=128), card="base_model: a/base\nbase_model_relation: finetune\n")
    write_shards(write_model(root / "a/shards", None), encoded(BASE), 3)
    write_pipeline(root / "a/pipe", unet(0), text_encoder(0))
    write_pipeline(root / "a/pipe-of-other", unet(1), text_encoder(0))
    return root


@pytest.fixture(scope="module")
def hub(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """Serve them."""
    with HubServer() as server:
        server.fill(models, tmp_path_factory.mktemp("served"))
        yield server


@pytest.fixture
def session(hub: HubServer, tmp_path: Path) -> Iterator[Session]:
    """Open a session on that Hub, with a store of its own."""
    hub.mend()
    hub.log.clear()
    with Session(settings=hub.settings(tmp_path)) as opened:
        yield opened


def sent(hub: HubServer) -> int:
    """Count the bytes of weight files that the storage sent."""
    return sum(asked.sent for asked in hub.asked(server="storage"))


def test_a_sample_of_remote_models_is_read_and_counted(session: Session, hub: HubServer) -> None:
    """With headers and samples only the verdict is the same, and the cost is what the server sent."""
    answer = compare(session, "a/tuned", "a/base", level="header")
    assert (answer.verdict, answer.a.level, answer.b.level) == ("related", "header", "header")
    assert answer.cost.requests > 0
    assert answer.cost.bytes == sent(hub)
    assert answer.cost.ranges == len(hub.asked(server="storage")) - 2, "each header takes one request"
    assert answer.cost.requests == len([asked for asked in hub.asked() if asked.status < 400])
    assert {(each.agrees, each.relation) for each in answer.declared} == {(None, "finetune")}
    assert exit_code(answer) == 0


def test_small_remote_models_are_read_in_full(session: Session) -> None:
    """Below the limit for full reads all bytes are compared, so that other shards are the same weights."""
    answer = compare(session, "a/shards", "a/base")
    assert (answer.verdict, answer.method, answer.a.level) == ("same_weights", "resharded", "full")


def test_without_all_bytes_equal_samples_are_not_the_same_weights(session: Session) -> None:
    """Equal samples are related; the answer does not claim that unread values are equal."""
    answer = compare(session, "a/shards", "a/base", level="header")
    assert answer.verdict == "related"


def test_equal_components_are_known_without_their_bytes(session: Session) -> None:
    """The Hub's hashes show that two pipelines have one text encoder; the verdict is about the main groups."""
    answer = compare(session, "a/pipe", "a/pipe-of-other", level="header")
    assert answer.verdict == "unrelated"
    assert any(each.id == "content.component" and each.outcome == "neutral" for each in answer.rules)


def test_a_limit_below_the_sample_leaves_it_open(session: Session, hub: HubServer) -> None:
    """With no bytes to spend nothing is sampled: not comparable, with the command that reads more."""
    answer = compare(session, "a/lies", "a/base", max_bytes=0)
    assert answer.verdict == "not_comparable"
    assert exit_code(answer) == 2
    assert {each.decide_with for each in answer.unchecked} == {"lineage compare a/lies a/base --level full"}
    assert {each.agrees for each in answer.declared} == {None}
    assert sent(hub) <= answer.cost.bytes


def test_a_collected_sample_is_used_again(session: Session, hub: HubServer) -> None:
    """Sketches in the store are compared; of models of one form only rows of the embeddings are read beside them."""
    collect(session, ["a/lies", "a/base"], level="header")
    hub.log.clear()
    answer = compare(session, "a/lies", "a/base", level="header")
    assert (answer.verdict, exit_code(answer)) == ("unrelated", 1)
    assert 0 < answer.cost.bytes < 500_000
    assert 0 < answer.cost.ranges <= 4
    hub.log.clear()
    limited = compare(session, "a/lies", "a/base", level="header", max_bytes=1_000)
    assert limited.cost.bytes == 0
    assert hub.ranges() == []


def test_remote_and_local_sides_are_mixed(session: Session, models: Path) -> None:
    """A folder is compared with a model on the Hub."""
    answer = compare(session, str(models / "a/tuned"), "a/base", level="header")
    assert answer.verdict == "related"
    assert answer.declared[0].parent == "a/base"


def test_a_gated_or_missing_side_is_an_error(session: Session, hub: HubServer) -> None:
    """A model that the Hub does not give ends the comparison with an error that names it."""
    with pytest.raises(ModelNotFoundError, match="a/nope"):
        compare(session, "a/nope", "a/base")
    hub.fault("*a/tuned*", gated())
    with pytest.raises(GatedError, match="a/tuned"):
        compare(session, "a/tuned", "a/base")


def test_weights_that_the_hub_does_not_give_leave_it_open(session: Session, hub: HubServer) -> None:
    """If only the weight file cannot be read, the answer is not comparable or an error, never a relation."""
    for fault in (gated(403), not_found()):
        hub.mend()
        hub.fault("*a/lies/resolve/*safetensors", fault)
        answer = compare(session, "a/lies", "a/base", level="header")
        assert (answer.verdict, exit_code(answer)) == ("not_comparable", 2)


def test_offline_without_a_store_is_an_error(hub: HubServer, tmp_path: Path) -> None:
    """Offline, a model that was never collected cannot be compared, and the error says so."""
    with Session(settings=hub.settings(tmp_path), offline=True) as offline, pytest.raises(HubUnreachableError):
        compare(offline, "a/tuned", "a/base")
