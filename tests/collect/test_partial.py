"""Models of which the Hub client's cache holds a part: what is unknown is said, and asked for where it can be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.collect.unknown_files import DECLARING, decides, unknown_files
from lineage.report.render import render
from lineage.report.text import Document, plain
from lineage_cli.collect import exit_code as exit_code_of_collect
from lineage_cli.trace import exit_code
from lineage_schemas.answers.trace import TraceAnswer
from lineage_schemas.file import FileEntry
from lineage_schemas.snapshot import Snapshot
from tests.support.client_cache import COMMIT, cache_settings, cached
from tests.support.hub_server import HubServer
from tests.support.repositories import zoo_hub
from tests.support.weight_files import safetensors_bytes

CARD = b"---\nbase_model: lab/base\nlicense: mit\n---\n"
WEIGHTS = safetensors_bytes({"a": ("F32", (2,), bytes(8))})
CONFIG = b'{"model_type": "llama"}'


def traced(folder: Path, files: dict[str, bytes], absent: tuple[str, ...] = ()) -> TraceAnswer:
    """Trace a model of which these files are in the cache, and of which `absent` files are known not to exist."""
    settings = cache_settings(folder)
    snapshot = cached(settings, "org/model", {"model.safetensors": WEIGHTS, **files})
    cached(settings, "lab/base", {"README.md": b"# base\n", "config.json": CONFIG, "model.safetensors": WEIGHTS})
    for path in absent:
        noted = snapshot.parents[1] / ".no_exist" / COMMIT / path
        noted.parent.mkdir(parents=True, exist_ok=True)
        noted.touch()
    with Session(hub_selector="cache", settings=settings, store_url="memory:") as session:
        return trace(session, "org/model")


def of_root(answer: TraceAnswer) -> list[tuple[str, bool]]:
    """Give what is incomplete of the root: the reason, and whether the answer depends on it."""
    return [(each.reason, each.decides) for each in answer.incomplete if each.model == answer.root]


def test_without_its_card_a_model_is_not_trained_from_scratch(tmp_path: Path) -> None:
    """A snapshot without README.md says nothing of parents and licence: both are unknown, with exit code 2."""
    answer = traced(tmp_path, {"config.json": CONFIG})
    assert of_root(answer) == [("partial", True)]
    assert exit_code(answer) == 2
    text = plain(cast("Document", render(answer, "tree")))
    assert "licence unknown" in text
    assert "trained from scratch" not in text
    assert "hf download org/model" in text


def test_a_declared_parent_stays_one(tmp_path: Path) -> None:
    """What else may name a parent is listed as incomplete, and does not decide: the card was read."""
    answer = traced(tmp_path, {"README.md": CARD, "config.json": CONFIG})
    assert [edge.parent for edge in answer.derivations] == ["lab/base"]
    assert of_root(answer) == [("partial", False)]
    assert exit_code(answer) == 0


def test_without_a_parent_every_declaring_file_counts(tmp_path: Path) -> None:
    """A card that names no parent leaves the question to files that the cache may lack, unless they do not exist."""
    files = {"README.md": b"# none\n", "config.json": CONFIG}
    for name in ("open", "known"):
        (tmp_path / name).mkdir()
    answer = traced(tmp_path / "open", files)
    assert of_root(answer) == [("partial", True)]
    answer = traced(tmp_path / "known", files, ("adapter_config.json", "mergekit_config.yml"))
    assert (of_root(answer), exit_code(answer)) == ([], 0)


def test_what_was_downloaded_since_is_read(tmp_path: Path) -> None:
    """A record of a partial snapshot is not the answer once the missing file is in the cache."""
    settings = cache_settings(tmp_path)
    cached(settings, "org/model", {"config.json": CONFIG, "model.safetensors": WEIGHTS})
    cached(settings, "lab/base", {"README.md": b"# base\n", "config.json": CONFIG, "model.safetensors": WEIGHTS})
    with Session(hub_selector="cache", settings=settings, store_url="memory:") as session:
        assert trace(session, "org/model").derivations == ()
        cached(settings, "org/model", {"README.md": CARD})
        answer = trace(session, "org/model")
        assert [edge.parent for edge in answer.derivations] == ["lab/base"]
        assert of_root(answer) == [("partial", False)]


def test_a_text_with_other_content_is_unknown_until_it_is_repaired(tmp_path: Path) -> None:
    """A card whose content does not fit its blob is not believed, and leaves no trace once it is right."""
    settings = cache_settings(tmp_path)
    snapshot = cached(settings, "org/model", {"README.md": CARD, "config.json": CONFIG, "model.safetensors": WEIGHTS})
    (snapshot / "README.md").resolve().write_bytes(CARD.replace(b"lab/base", b"lab/evil"))
    with Session(hub_selector="cache", settings=settings, store_url="memory:") as session:
        answer = trace(session, "org/model")
        assert (answer.derivations, of_root(answer)) == ((), [("partial", True)])
        assert "README.md" in (answer.incomplete[0].detail or "")
        (snapshot / "README.md").resolve().write_bytes(CARD)
        answer = trace(session, "org/model")
        assert [edge.parent for edge in answer.derivations] == ["lab/base"]
        assert of_root(answer) == [("partial", False)]


@pytest.fixture
def hub(small_zoo: Path, tmp_path: Path) -> Iterator[HubServer]:
    """Serve the carried models."""
    with HubServer() as server:
        server.fill(zoo_hub(small_zoo, tmp_path / "zoo"), tmp_path / "served")
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("ask", ["trace", "collect"])
def test_online_the_hub_is_asked_again(hub: HubServer, tmp_path: Path, ask: str) -> None:
    """What was read from the cache is no answer for the Hub itself, which is read whole at the same commit."""
    from huggingface_hub import snapshot_download

    model, settings = "otterhub/skiff-packages-lora", hub.settings(tmp_path)
    snapshot_download(
        model, endpoint=hub.endpoint, cache_dir=settings.hub_cache, token=False, allow_patterns=["*.safetensors"]
    )
    for listed in settings.hub_cache.rglob("trees/*.json"):
        listed.unlink()
    with Session(hub_selector="cache", settings=settings) as session:
        answer = trace(session, model)
        assert (answer.derivations, of_root(answer)) == ((), [("partial", True)])
        assert exit_code(answer) == 2
    with Session(settings=settings, offline=True) as session:
        assert of_root(trace(session, model)) == [("partial", True)]
    with Session(settings=settings) as session:
        if ask == "collect":
            assert [each.outcome for each in collect(session, [model]).models if each.id == model] == ["collected"]
        answer = trace(session, model)
    assert [edge.parent for edge in answer.derivations] == ["skiffworks/skiff-0.7m"]
    assert (of_root(answer), exit_code(answer)) == ([], 0)
    with Session(hub_selector="cache", settings=settings) as session:
        collect(session, [model], refresh=True)
    with Session(settings=settings) as session:
        answer = trace(session, model)
        assert [edge.parent for edge in answer.derivations] == ["skiffworks/skiff-0.7m"]
        assert of_root(answer) == []


def test_the_whole_list_of_a_revision_stays(hub: HubServer, tmp_path: Path) -> None:
    """A partial snapshot that is collected later takes no file from what the Hub listed of the same commit."""
    from huggingface_hub import snapshot_download

    model, settings = "skiffworks/skiff-0.7m", hub.settings(tmp_path)
    with Session(settings=settings) as session:
        collect(session, [model])
        with session.store.reading() as view:
            before = sorted(edge.name for edge in view.all_edges("CONTAINS"))
    snapshot_download(
        model, endpoint=hub.endpoint, cache_dir=settings.hub_cache, token=False, allow_patterns=["config.json"]
    )
    for listed in settings.hub_cache.rglob("trees/*.json"):
        listed.unlink()
    with Session(hub_selector="cache", settings=settings) as session:
        collect(session, [model], refresh=True)
        with session.store.reading() as view:
            assert sorted(edge.name for edge in view.all_edges("CONTAINS")) == before


def test_unknown_files_are_those_of_a_partial_list() -> None:
    """A complete list lacks nothing; a partial one lacks what it neither lists nor knows to be absent."""
    whole = Snapshot(model="a/b", commit=COMMIT, files=(FileEntry(path="README.md"),))
    assert unknown_files(whole) is None
    partial = whole.model_copy(update={"partial": "why", "known_absent": ("adapter_config.json",)})
    assert unknown_files(partial) == "unknown: config.json, mergekit_config.yml: why"
    assert not decides(unknown_files(partial) or "", has_parent=True)
    without = whole.model_copy(update={"without_bytes": {"README.md": "gone"}})
    assert unknown_files(without) == "unknown: README.md: gone"
    assert decides("unknown: README.md: gone", has_parent=True)
    assert DECLARING[0] == "README.md"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"README.md": b"---\nbase_model: a/b\nbase_model: c/d\n---\n"}, 2),
        ({"README.md": b"# none", "adapter_config.json": b"{"}, 2),
        ({"README.md": b"# none", "mergekit_config.yml": b"models: ["}, 2),
        ({"README.md": b"# none"}, 0),
    ],
)
def test_trace_and_collect_have_one_rule(tmp_path: Path, files: dict[str, bytes], code: int) -> None:
    """A file that may name a parent and cannot be read gives both exit code 2, and collect again when run again."""
    place = tmp_path / "hub" / "org" / "model"
    place.mkdir(parents=True)
    for name, content in {"model.safetensors": WEIGHTS, "config.json": CONFIG, **files}.items():
        (place / name).write_bytes(content)
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        first, again = collect(session, ["org/model"]), collect(session, ["org/model"])
        answer = trace(session, "org/model")
    assert [exit_code_of_collect(each) for each in (first, again)] == [code, code]
    assert exit_code(answer) == code
    assert {each.detail for each in first.incomplete} == {each.detail for each in answer.incomplete}
