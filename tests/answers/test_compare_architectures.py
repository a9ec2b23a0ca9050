"""Models of other architectures than Llama's: each derived from one another here, under the names of its library."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest

from lineage.answers.compare import compare
from lineage.answers.session import Session
from tests.support.architectures import ARCHITECTURES, EMBEDDINGS
from tests.support.model_folders import Floats, write_model
from tests.support.sketches import trained

pytestmark = pytest.mark.slow

Weights = dict[str, Floats]


@pytest.fixture
def session() -> Iterator[Session]:
    """Open a session with a store in memory."""
    with Session(store_url="memory:", offline=True) as opened:
        yield opened


def pruned(weights: Mapping[str, Floats]) -> Weights:
    """Set the smaller half of each matrix to zero."""
    return {
        name: numpy.where(numpy.abs(each) < numpy.median(numpy.abs(each)), numpy.float32(0), each)
        if each.ndim > 1
        else each
        for name, each in weights.items()
    }


def without_a_layer(weights: Mapping[str, Floats]) -> Weights:
    """Remove the second layer, and train the others a little; of an encoder-decoder the encoder's."""
    kept: Weights = {}
    for name, each in weights.items():
        found = re.search(r"(?:layers?|block|stages|h)\.(\d+)\.", name) if "decoder" not in name else None
        number = int(found[1]) if found else 0
        if found and number == 1:
            continue
        kept[name if not found or number == 0 else f"{name[: found.start(1)]}{number - 1}{name[found.end(1) :]}"] = each
    return trained(kept, 4, 0.01)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_architecture_is_told_from_its_double(session: Session, tmp_path: Path, name: str) -> None:
    """Training, rounding and pruning are found in every architecture; another seed is unrelated in each."""
    make: Callable[[int], Weights] = ARCHITECTURES[name]
    base = make(0)
    folder = str(write_model(tmp_path / "base", base, config={}))
    half = {tensor: each.astype(numpy.float16) for tensor, each in base.items()}
    made: dict[str, tuple[Mapping[str, Any], str, tuple[str, str, str]]] = {
        "tuned": (trained(base, 3), "F32", ("related", "unknown", "unknown")),
        "half": (half, "F16", ("derived", "cast", "a_from_b")),
        "pruned": (pruned(base), "F32", ("derived", "pruned", "a_from_b")),
        "seed": (make(1), "F32", ("unrelated", "unknown", "unknown")),
    }
    for kind, (weights, dtype, expected) in made.items():
        child = write_model(tmp_path / kind, weights, dtype=dtype, config={})
        answer = compare(session, str(child), folder)
        assert (answer.verdict, answer.method, answer.direction) == expected, kind


@pytest.mark.parametrize("name", [each for each in ARCHITECTURES if each not in ("resnet", "unet")])
def test_a_removed_layer_is_found(session: Session, tmp_path: Path, name: str) -> None:
    """A layer that was removed is found by content, in encoders beside decoders too."""
    base = ARCHITECTURES[name](0)
    folder = write_model(tmp_path / "base", base, config={})
    short = write_model(tmp_path / "short", without_a_layer(base), config={})
    answer = compare(session, str(short), str(folder))
    assert (answer.verdict, answer.method, answer.direction) == ("related", "layer_dropped", "a_from_b")


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_added_tokens_are_found(session: Session, tmp_path: Path, name: str) -> None:
    """Rows that were added to the embedding make the longer one the child."""
    base = ARCHITECTURES[name](0)
    longer = trained(base, 4, 0.01)
    embedding = EMBEDDINGS[name]
    longer[embedding] = numpy.vstack([longer[embedding], longer[embedding][:16] / 2])
    folder = write_model(tmp_path / "base", base, config={})
    answer = compare(session, str(write_model(tmp_path / "longer", longer, config={})), str(folder))
    assert (answer.verdict, answer.method, answer.direction) == ("related", "vocab_extended", "a_from_b")


def test_other_architectures_are_unrelated_or_not_comparable(session: Session, tmp_path: Path) -> None:
    """Without a name and a shape in common two models are unrelated; else at most not comparable."""
    folders = {
        name: str(write_model(tmp_path / name, ARCHITECTURES[name](seed), config={}))
        for seed, name in enumerate(ARCHITECTURES)
    }
    answer = compare(session, folders["t5"], folders["resnet"])
    assert answer.verdict == "unrelated"
    assert [each.outcome for each in answer.rules if each.id == "structure.shapes"] == ["against"]
    for one, a in folders.items():
        for other, b in folders.items():
            if one < other:
                assert compare(session, a, b).verdict in ("unrelated", "not_comparable"), (one, other)
