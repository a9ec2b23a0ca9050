"""Every rule of a level on really trained weights: what fires it, and what looks alike and must not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from lineage.answers.collect import as_target
from lineage.answers.diff import MeasuredSide, measure_side
from lineage.answers.session import Session
from lineage.answers.suggest import between_sides
from lineage.answers.suggest_flips import flips_of
from lineage.rules.levels import LEVEL_BY_NAME, LEVEL_RULES
from lineage.versioning.suggest.fired import Suggestion
from lineage.versioning.suggest.level import suggest
from lineage_schemas.level import Level
from lineage_schemas.version_level import VERSION_LEVELS
from tests.support.repositories import REVISIONED
from tests.support.shared import ROOT
from tests.support.to_gguf import to_gguf
from tests.support.torch_files import checkpoint
from tests.support.weight_files import read_safetensors, safetensors_bytes, write_shards

pytestmark = pytest.mark.slow

HARNESS = ROOT / "tests/data/evals/harness"
WEIGHTS = "model.safetensors"

Edit = Callable[["Place"], None]
Tensors = dict[str, tuple[str, tuple[int, ...], bytes]]


@dataclass(frozen=True)
class Place:
    """Hold a folder of a model that an edit changes, and the zoo with its revisions and other models."""

    folder: Path
    zoo: Path

    def tensors(self, revision: str = "r0") -> Tensors:
        """Read the trained tensors of a revision."""
        return read_safetensors(self.zoo / REVISIONED / revision / WEIGHTS)[0]

    def put(self, path: str, content: bytes | str) -> None:
        """Write a file."""
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def json(self, path: str) -> Any:
        """Read an object."""
        return json.loads((self.folder / path).read_text("utf-8"))


def fields(path: str, **values: Any) -> Edit:
    """Set fields of a JSON file; None removes one."""

    def edit(at: Place) -> None:
        changed = {**at.json(path), **values}
        gone = {name for name, value in values.items() if value is None}
        at.put(path, json.dumps({name: value for name, value in changed.items() if name not in gone}))

    return edit


def card(old: str, new: str) -> Edit:
    """Replace a part of the card, which must be there."""

    def edit(at: Place) -> None:
        text = (at.folder / "README.md").read_text("utf-8")
        assert old in text
        at.put("README.md", text.replace(old, new))

    return edit


def text(path: str, content: str = "print(1)\n") -> Edit:
    """Write a file."""
    return lambda at: at.put(path, content)


def weights(change: Callable[[Tensors], Tensors], revision: str = "r0", path: str = WEIGHTS) -> Edit:
    """Write the tensors of a revision, changed."""

    def edit(at: Place) -> None:
        made = change(at.tensors(revision))
        at.put(path, checkpoint(made) if path.endswith(".bin") else safetensors_bytes(made, {"format": "pt"}))

    return edit


def same(tensors: Tensors) -> Tensors:
    """Keep the tensors as they are."""
    return tensors


def as_f32(tensors: Tensors) -> Tensors:
    """Cast to F32, which holds every value of BF16."""
    return {name: ("F32", shape, _f32(raw).tobytes()) for name, (_, shape, raw) in tensors.items()}


def as_f16(tensors: Tensors) -> Tensors:
    """Cast to F16, which rounds small values of BF16."""
    return {name: ("F16", shape, _f32(raw).astype("<f2").tobytes()) for name, (_, shape, raw) in tensors.items()}


def _f32(raw: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)


def without_last_layer(tensors: Tensors) -> Tensors:
    """Drop a layer."""
    return {name: tensor for name, tensor in tensors.items() if ".h.3." not in name}


def more_rows(tensors: Tensors) -> Tensors:
    """Append four rows to the vocabulary."""
    dtype, (rows, width), raw = tensors["transformer.wte.weight"]
    return {**tensors, "transformer.wte.weight": (dtype, (rows + 4, width), raw + raw[: 4 * width * 2])}


def shards(at: Place) -> None:
    """Write the same tensors as two shards."""
    write_shards(at.folder, at.tensors(), 2)
    removed(WEIGHTS)(at)


def removed(path: str) -> Edit:
    """Delete a file."""
    return lambda at: (at.folder / path).unlink()


def gguf(at: Place) -> None:
    """Add a conversion to GGUF with rounded values."""
    to_gguf(at.zoo / REVISIONED / "r0", at.folder / "model.Q8_0.gguf", "Q8_0")


def tokens(change: Callable[[dict[str, int]], dict[str, int]]) -> Edit:
    """Change the vocabulary."""

    def edit(at: Place) -> None:
        tokenizer = at.json("tokenizer.json")
        tokenizer["model"]["vocab"] = change(tokenizer["model"]["vocab"])
        at.put("tokenizer.json", json.dumps(tokenizer))

    return edit


def exchanged(vocabulary: dict[str, int]) -> dict[str, int]:
    """Exchange the ids of two tokens."""
    one, other = list(vocabulary)[100:102]
    return {**vocabulary, one: vocabulary[other], other: vocabulary[one]}


def appended(vocabulary: dict[str, int]) -> dict[str, int]:
    """Append a token."""
    return {**vocabulary, "<new>": len(vocabulary)}


def encoder(folder: str) -> Edit:
    """Add a trained adapter's tensors in a folder of their own."""
    return lambda at: at.put(
        f"{folder}/{WEIGHTS}", (at.zoo / "otterhub/skiff-packages-lora/adapter_model.safetensors").read_bytes()
    )


class Case(NamedTuple):
    """Hold edits that fire a rule, edits that look alike, and those before both.

    `alike_before` are those before the edits that look alike, where they differ. `level` is how deep weights are read,
    `evals` are results for the edits that fire and for those that must not.
    """

    fires: tuple[Edit, ...]
    alike: tuple[Edit, ...]
    before: tuple[Edit, ...] = ()
    level: Level | None = None
    evals: tuple[tuple[str, str], tuple[str, str]] | None = None
    alike_before: tuple[Edit, ...] | None = None


CONFIG, TOKENIZER, GENERATION = "config.json", "tokenizer_config.json", "generation_config.json"
CODE = (fields(CONFIG, auto_map={"AutoModel": "modeling.Model"}), text("modeling.py"))
TWO_FORMATS = (weights(same, path="pytorch_model.bin"),)

CASES: Mapping[str, Case] = {
    "architecture-change": Case((fields(CONFIG, n_layer=3),), (fields(CONFIG, attention_bias=False),)),
    "tensor-shape-change": Case((weights(without_last_layer),), (weights(more_rows),)),
    "token-mapping-change": Case((tokens(exchanged),), (tokens(appended),)),
    "task-change": Case((fields(CONFIG, id2label={"0": "no"}),), (card("pipeline_tag: text-generation\n", ""),)),
    "base-model-change": Case(
        (card("base_model: heronml/heron-gpt2-tiny", "base_model: ternworks/tern-1m"),),
        (card("base_model: heronml/heron-gpt2-tiny\n", ""),),
    ),
    "context-shrunk": Case((fields(CONFIG, n_positions=64),), (fields(CONFIG, n_positions=256),)),
    "licence-narrowed": Case((card("license: mit", "license: cc-by-nc-4.0"),), (card("license: mit", "license: MIT"),)),
    "custom-code-required": Case(CODE, (text("modeling.py"),)),
    "main-format-removed": Case((removed(WEIGHTS),), (shards,), before=TWO_FORMATS),
    "flip-rate-above-limit": Case(
        (weights(same, "r2"),), (weights(same, "r2"),), evals=(("old", "new"), ("old", "old"))
    ),
    "weights-retrained": Case((weights(same, "r2"),), (shards,)),
    "weights-replaced": Case((weights(same, "r2"),), (card("licences", "licenses"),), level="header"),
    "vocabulary-appended": Case((weights(more_rows), tokens(appended)), (tokens(exchanged),)),
    "context-grown": Case((fields(CONFIG, n_positions=256),), (fields(CONFIG, n_positions=64),)),
    "chat-template-change": Case(
        (fields(TOKENIZER, chat_template="{{ messages }}"),),
        (fields(TOKENIZER, chat_template=None), text("chat_template.jinja", "{{ bos_token }}")),
        before=(fields(TOKENIZER, chat_template="{{ bos_token }}"),),
    ),
    "special-tokens-change": Case(
        (fields(TOKENIZER, eos_token="<end>"),), (fields(TOKENIZER, eos_token={"content": "</s>"}),)
    ),
    "generation-defaults-change": Case(
        (fields(GENERATION, temperature=0.6),), (fields(GENERATION, transformers_version="5.24.0"),)
    ),
    "lossy-precision": Case((weights(as_f16),), (weights(as_f32),)),
    "format-added": Case((gguf,), TWO_FORMATS),
    "component-added": Case((encoder("image_encoder"),), (encoder("onnx"),)),
    "licence-widened": Case(
        (card("license: cc-by-nc-4.0", "license: mit"),), (card("license: cc-by-nc-4.0", "license: cc-by-nc-nd-4.0"),),
        before=(card("license: mit", "license: cc-by-nc-4.0"),),
    ),
    "input-processing-change": Case(
        (fields(TOKENIZER, padding_side="left"),), (fields(TOKENIZER, split_special_tokens=False),)
    ),
    "custom-code-change": Case((text("modeling.py", "print(2)\n"),), (text("train.py"),), before=CODE, alike_before=()),
    "other-format-removed": Case((removed("pytorch_model.bin"),), (removed(WEIGHTS),), before=TWO_FORMATS),
    "weights-reserialised": Case((shards,), (weights(same, "r2"),)),
    "same-weights-added": Case(TWO_FORMATS, (weights(same, "r2", "pytorch_model.bin"),)),
    "lossless-cast": Case((weights(as_f32),), (weights(as_f16),)),
    "documentation-change": Case((card("Licence text", "Text"),), (card("license: mit", "license: cc-by-nc-4.0"),)),
    "metadata-change": Case((fields(CONFIG, transformers_version="5.24.0"),), (fields(CONFIG, n_layer=3),)),
}  # fmt: skip


def test_every_rule_has_a_case_that_fires_and_one_that_must_not() -> None:
    """A rule without both is not tested: a new one needs a case here."""
    assert set(CASES) == {rule.name for rule in LEVEL_RULES}
    assert all(case.fires and case.alike and (case.fires != case.alike or case.evals) for case in CASES.values())


class Measured:
    """Measure models made by edits of the first upload, each once."""

    def __init__(self, zoo: Path, folder: Path, session: Session) -> None:
        self._zoo, self._folder, self.session = zoo, folder, session
        self._sides: dict[tuple[tuple[Edit, ...], Level | None], MeasuredSide] = {}

    def side(self, edits: tuple[Edit, ...], level: Level | None) -> MeasuredSide:
        """Copy the model as it was first uploaded, edit and measure it."""
        if (edits, level) not in self._sides:
            folder = self._folder / f"model-{len(self._sides)}"
            folder.mkdir()
            for file in (self._zoo / REVISIONED / "r0").iterdir():
                (folder / file.name).write_bytes(file.read_bytes())
            for edit in edits:
                edit(Place(folder, self._zoo))
            target = as_target(self.session, str(folder), on_disk=True)
            assert target.hub is not None
            resolved = target.hub.resolve(target.model)
            self._sides[edits, level] = measure_side(self.session, target.hub, resolved, level, all_groups=True)
        return self._sides[edits, level]

    def level(self, case: Case, *, is_alike: bool) -> Suggestion:
        """Judge the edits of a case that fire its rule, or those that look alike."""
        before = case.alike_before if is_alike and case.alike_before is not None else case.before
        edits = (*before, *(case.alike if is_alike else case.fires))
        between = between_sides(self.side(before, case.level), self.side(edits, case.level))
        if case.evals is None:
            return suggest(between)
        old, new = (str(HARNESS / run) for run in case.evals[is_alike])
        return suggest(between, flips=flips_of(self.session, (old, new), between.after.pointer()))


@pytest.fixture(scope="module")
def measured(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """Measure the models of all cases in one session."""
    with Session(store_url="memory:", offline=True) as session:
        yield Measured(small_zoo, tmp_path_factory.mktemp("rules"), session)


@pytest.mark.parametrize("name", CASES)
def test_a_rule_fires_on_trained_weights(name: str, measured: Measured) -> None:
    """The edits fire the rule and its level counts; what looks alike differs and does not fire it."""
    fired, alike = (measured.level(CASES[name], is_alike=is_alike) for is_alike in (False, True))
    assert name in {each.rule for each in fired.fired}
    assert fired.level is not None
    assert VERSION_LEVELS.index(fired.level) >= VERSION_LEVELS.index(LEVEL_BY_NAME[name].level)
    assert alike.level is not None
    assert name not in {each.rule for each in alike.fired}
