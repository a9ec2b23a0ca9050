"""Stored samples of weights with unread matrices: they say so, and are taken again by a version that reads more."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.compare import compare
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.fingerprint.sampling import GroupSample
from lineage.fingerprint.values import coverage
from lineage.fingerprint.values.coverage import may_cover_more
from lineage.report import comparing
from lineage.store.open import open_store
from lineage_schemas.answers.collect import CollectAnswer
from tests.fingerprint.values.test_hostile_layouts import parts_of
from tests.fingerprint.values.test_layouts import config_of
from tests.fingerprint.values.test_sample import sampled
from tests.support.weight_files import Tensors, safetensors_bytes

NAME = "gptq-4bit-act-asym"
PLAIN: Tensors = {
    "model.norm.weight": ("F32", (8,), bytes(32)),
    "model.embed_tokens.weight": ("F32", (4, 8), bytes(128)),
    "model.embeddings.position_ids": ("I64", (1, 4), bytes(32)),
    "model.layers.0.self_attn.bias": ("BOOL", (1, 1, 4, 4), bytes(16)),
    "model.layers.0.bn.num_batches_tracked": ("I64", (), bytes(8)),
}


def write(folder: Path, tensors: Tensors, config: dict[str, object]) -> None:
    """Write a model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    (folder / "config.json").write_text(json.dumps(config))


def collected(folder: Path) -> CollectAnswer:
    """Collect the model into a store of the test."""
    with Session(hub_selector=str(folder / "hub"), store_url=f"sqlite:///{folder / 's.db'}", offline=True) as session:
        return collect(session, ["org/codes"])


def stored(folder: Path) -> str:
    """Return what the store says of the only sample."""
    with open_store(f"sqlite:///{folder / 's.db'}") as store, store.reading() as view:
        (key,) = (key for kind, key, _ in view.all_attachments() if kind == "sketch")
        found: str = view.nodes("Weights", [key])[key]["sketch"]
        return found


def of_folder(folder: Path) -> GroupSample:
    """Sample the folder of one model."""
    return sampled(folder, in_place=True)[0]


def test_a_sound_model_has_the_text_of_before(tmp_path: Path) -> None:
    """Masks, numbers of positions and counters have no values, and do not make a sample incomplete."""
    write(tmp_path, PLAIN, {})
    sample = of_folder(tmp_path)
    assert sample.unread
    assert sample.coverage == sample.sketch.coverage == "sketch.v1 strips=1/1 squares=0/0 vectors=1/1"
    assert not may_cover_more(sample.coverage)


def test_codes_that_are_not_read_are_counted(tmp_path: Path) -> None:
    """The text of a sample whose codes are unread says how many, and which readers there were."""
    write(tmp_path, {**PLAIN, **parts_of(NAME)}, {})
    sample = of_folder(tmp_path)
    codes = [name for name, (_, shape, _) in parts_of(NAME).items() if len(shape) > 1]
    assert codes
    assert sample.coverage == f"{sample.sketch.coverage} unread={len(codes)} readers={coverage.READERS}"


@pytest.mark.parametrize(
    "text", [None, "", "sketch.v1 strips=1/1", "sketch.v1 unread=3", "x unread=3 readers=1 more", "unread=3 readers=x"]
)
def test_other_texts_name_no_readers(text: str | None) -> None:
    """A text of an older version, or a foreign one, does not make a sample be taken again and again."""
    assert not may_cover_more(text)


def test_a_newer_reader_samples_again_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection by the same readers reads nothing again; one by newer readers takes the sample anew, once."""
    write(tmp_path / "hub" / "org" / "codes", {**PLAIN, **parts_of(NAME)}, {})
    assert collected(tmp_path).models[0].outcome == "collected"
    first = stored(tmp_path)
    assert " unread=" in first
    assert collected(tmp_path).models[0].outcome == "unchanged"
    monkeypatch.setattr(coverage, "READERS", coverage.READERS + 1)
    assert may_cover_more(first)
    assert collected(tmp_path).models[0].outcome == "collected"
    assert stored(tmp_path) == first.replace("readers=1", "readers=2")
    assert collected(tmp_path).models[0].outcome == "unchanged"


def test_what_a_newer_reader_reads_replaces_the_stored_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes that a newer version can read are in the stored sample after its first collection."""
    write(tmp_path / "hub" / "org" / "codes", {**PLAIN, **parts_of(NAME)}, config_of(NAME))
    with monkeypatch.context() as older:
        older.setattr("lineage.fingerprint.values.layouts.LAYOUTS", ())
        older.setattr(coverage, "READERS", 0)
        collected(tmp_path)
        assert stored(tmp_path).endswith(" readers=0")
    collected(tmp_path)
    assert stored(tmp_path) == "sketch.v1 strips=2/2 squares=1/1 vectors=1/1"


def test_a_comparison_shows_what_was_not_read(tmp_path: Path) -> None:
    """The answer of compare has the text, and the table counts the matrices without values."""
    write(tmp_path / "org" / "codes", {**PLAIN, **parts_of(NAME)}, {})
    write(tmp_path / "org" / "plain", PLAIN, {})
    with Session(hub_selector=str(tmp_path), offline=True) as session:
        answer = compare(session, "org/codes", "org/plain")
    assert answer.a.sample is not None
    assert " unread=" in answer.a.sample
    assert answer.b.sample is not None
    assert "unread" not in answer.b.sample
    assert "without values" in comparing.sampled(answer.a)
    assert "without values" not in comparing.sampled(answer.b)


def test_trace_names_what_was_not_read_of_a_declared_parent(tmp_path: Path) -> None:
    """An edge that the values do not decide has the number of tensors without values in its reason."""
    write(tmp_path / "hub" / "org" / "plain", PLAIN, {})
    write(tmp_path / "hub" / "org" / "codes", {**PLAIN, **parts_of(NAME)}, {})
    (tmp_path / "hub" / "org" / "codes" / "README.md").write_text("---\nbase_model: org/plain\n---\n")
    with Session(
        hub_selector=str(tmp_path / "hub"), store_url=f"sqlite:///{tmp_path / 's.db'}", offline=True
    ) as session:
        collect(session, ["org/codes"])
        (found,) = trace(session, "org/codes").unmeasured
    assert re.search(r"the sampled weights do not decide; \d+ tensors of org/codes have no values", found.reason)
