"""Two models compared by their weights: local files of every kind, declarations, exit codes."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy
import pytest
from click.testing import CliRunner

from lineage.answers.compare import compare
from lineage.answers.session import Session
from lineage.errors import LineageError
from lineage.report.render import render
from lineage.report.text import plain
from lineage_cli.compare import exit_code
from lineage_cli.main import main
from lineage_schemas.answers.compare import CompareAnswer
from lineage_schemas.export import json_schema
from tests.support.hostile_models import READABLE, REPORTED, sound_model
from tests.support.model_folders import (
    encoded,
    model,
    text_encoder,
    unet,
    write_adapter,
    write_llama_gguf,
    write_model,
    write_pipeline,
)
from tests.support.repositories import zoo_hub
from tests.support.sketches import llama, trained
from tests.support.weight_files import safetensors_bytes, with_header, write_shards

pytestmark = pytest.mark.slow

BASE = model(0)

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1349840\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a Hub of models that are made from each other, or claim to be."""
    root = tmp_path_factory.mktemp("hub")
    write_model(root / "a/base", BASE)
    write_model(root / "a/other", model(1))
    write_model(root / "a/tuned", trained(BASE, 5), card="base_model: a/base\nbase_model_relation: finetune\n")
    write_model(root / "a/claims", model(2), card="base_model: a/base\n")
    write_model(root / "a/lies", model(3), card="base_model: a/base\nbase_model_relation: finetune\n")
    write_model(root / "a/lies-in-a-tag", model(4), card="tags: ['base_model:quantized:a/base']\n")
    half = {name: each.astype(numpy.float16) for name, each in BASE.items()}
    write_model(root / "a/cast", half, dtype="F16", card="base_model: a/base\n")
    write_model(root / "a/backwards", BASE, card="base_model: a/cast\nbase_model_relation: finetune\n")
    write_model(root / "a/merged", write_adapter(root / "a/lora", BASE, "a/base"))
    write_adapter(root / "a/wide-lora", model(0, width=128), "a/base")
    write_llama_gguf(root / "a/gguf", llama(0), "Q8_0")
    write_shards(write_model(root / "a/shards", None), encoded(BASE), 3)
    write_pipeline(root / "a/pipe", unet(0), text_encoder(0))
    write_pipeline(root / "a/pipe-of-other", unet(1), text_encoder(0))
    write_pipeline(root / "a/pipe-tuned", trained(unet(0), 3), text_encoder(0))
    write_pipeline(root / "a/pipe-other-text", unet(0), text_encoder(7))
    write_model(root / "a/encoder", text_encoder(0))
    return root


@pytest.fixture
def session(hub: Path) -> Iterator[Session]:
    """Open a session on that Hub."""
    with Session(hub_selector=str(hub), store_url="memory:") as opened:
        yield opened


def checked(answer: CompareAnswer) -> CompareAnswer:
    """Render an answer in every format, and validate it; what is open names its reason."""
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("compare.v1"))
    for to_format in ("table", "markdown"):
        rendered = render(answer, to_format)
        assert answer.verdict in (rendered if isinstance(rendered, str) else plain(rendered))
    if answer.verdict in ("unclear", "not_comparable"):
        assert answer.unchecked
        assert exit_code(answer) in (1, 2)
    return answer


def outcome(answer: CompareAnswer, rule: str) -> str:
    """Return what one rule found."""
    return next(each.outcome for each in answer.rules if each.id == rule)


def detail(answer: CompareAnswer, rule: str) -> str:
    """Return what one rule found, in words."""
    return next(each.detail for each in answer.rules if each.id == rule)


@pytest.mark.parametrize(
    ("a", "b", "verdict", "method", "direction", "code"),
    [
        ("a/base", "a/base", "same_weights", "duplicate", "unknown", 0),
        ("a/shards", "a/base", "same_weights", "resharded", "unknown", 0),
        ("a/tuned", "a/base", "related", "unknown", "unknown", 0),
        ("a/other", "a/base", "unrelated", "unknown", "unknown", 0),
        ("a/cast", "a/base", "derived", "cast", "a_from_b", 0),
        ("a/base", "a/cast", "derived", "cast", "b_from_a", 0),
        ("a/gguf", "a/base", "derived", "gguf", "a_from_b", 0),
        ("a/merged", "a/base", "related", "lora_merge", "unknown", 0),
        ("a/lora", "a/base", "not_comparable", "lora", "a_from_b", 2),
        ("a/wide-lora", "a/base", "unrelated", "unknown", "unknown", 1),
        ("a/pipe", "a/pipe-tuned", "related", "unknown", "unknown", 0),
    ],
)
def test_a_pair_is_judged(
    session: Session, a: str, b: str, verdict: str, method: str, direction: str, code: int
) -> None:
    """Each way in which a model is made from another gets its verdict, method, direction and exit code."""
    answer = checked(compare(session, a, b))
    assert (answer.verdict, answer.method, answer.direction) == (verdict, method, direction)
    assert exit_code(answer) == code
    assert answer.cost.requests == 0
    assert answer.cost.bytes > 0


@pytest.mark.parametrize(
    ("child", "parent", "agrees", "relation", "code"),
    [
        ("a/tuned", "a/base", None, "finetune", 0),
        ("a/cast", "a/base", True, None, 0),
        ("a/claims", "a/base", None, None, 0),
        ("a/lies", "a/base", False, "finetune", 1),
        ("a/lies-in-a-tag", "a/base", False, "quantized", 1),
        ("a/backwards", "a/cast", False, "finetune", 1),
        ("a/lora", "a/base", None, "adapter", 2),
    ],
)
@pytest.mark.parametrize("exchanged", [False, True])
def test_a_declaration_is_compared_with_the_weights(
    session: Session, child: str, parent: str, agrees: bool | None, relation: str | None, code: int, exchanged: bool
) -> None:
    """A declared relation to unrelated weights, or in the wrong direction, is contradicted; a bare name is not."""
    answer = checked(compare(session, *((parent, child) if exchanged else (child, parent))))
    (declared,) = answer.declared
    assert (declared.child, declared.parent, declared.agrees) == (child, parent, agrees)
    assert declared.relation == relation
    assert declared.pointer.model == child
    assert exit_code(answer) == code


def test_the_merged_model_shows_the_base_of_an_adapter(session: Session) -> None:
    """An adapter alone names the command that decides; with the merged model it is derived, and so is the merge."""
    alone = compare(session, "a/lora", "a/base")
    assert [each.decide_with for each in alone.unchecked] == ["lineage compare a/lora a/base --with MERGED"]
    shown = checked(compare(session, "a/lora", "a/base", others=["a/merged"]))
    assert (shown.verdict, shown.direction, [each.agrees for each in shown.declared]) == ("derived", "a_from_b", [True])
    merge = checked(compare(session, "a/merged", "a/base", others=["a/lora"]))
    assert (merge.verdict, merge.method, merge.direction) == ("derived", "lora_merge", "a_from_b")
    into = checked(compare(session, "a/lora", "a/merged", others=["a/base"]))
    assert into.direction == "b_from_a"
    for answer in (merge, into):
        words = " ".join(plain(render(answer, "table")).split())  # type: ignore[arg-type]
        assert re.search(r"a/merged@?\S* was made from a/base@?\S*, with a/lora@?\S* merged into it", words)


def test_adapters_that_are_no_lora_are_not_denied(session: Session, hub: Path) -> None:
    """The factors of a LoHa or LoKr are never matrices of the base: a card that names it is not contradicted."""
    for name, shape in (("hada_w1_a", (96, 8)), ("lokr_w1", (12, 12))):
        folder = hub / "a" / f"adapter-{name.partition('_')[0]}"
        weights = {f"model.layers.{layer}.self_attn.q_proj.{name}": numpy.ones(shape, "f4") for layer in range(6)}
        write_model(folder, None, card="base_model: a/base\nbase_model_relation: adapter\n")
        (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(encoded(weights)))
        answer = checked(compare(session, f"a/{folder.name}", "a/base"))
        assert (answer.verdict, exit_code(answer)) == ("not_comparable", 2)
        assert {each.agrees for each in answer.declared} == {None}


def test_a_model_that_is_named_again_is_left_out(session: Session) -> None:
    """A further parent with the weights of another side has no share of its own, and a note names it."""
    answer = checked(compare(session, "a/tuned", "a/base", others=["a/shards", "a/other", "a/other"]))
    assert [each.model for each in answer.others] == ["a/other"]
    assert [note.partition(",")[0] for note in answer.notes] == [
        "a/shards (--with) has the weights of a/base", "a/other (--with) has the weights of a/other",
    ]  # fmt: skip


def test_equal_adapters_with_other_scales_are_noted(session: Session, hub: Path) -> None:
    """The weights of two adapters may be the same where their configs apply them differently."""
    shutil.copytree(hub / "a/lora", hub / "a/lora-louder")
    config = hub / "a/lora-louder/adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"lora_alpha": 640}))
    answer = checked(compare(session, "a/lora", "a/lora-louder"))
    assert answer.verdict == "same_weights"
    assert any("other scales" in note for note in answer.notes)


def test_a_shared_component_makes_no_copy(session: Session) -> None:
    """Pipelines with one text encoder, and the encoder itself, are unrelated; the answer names what is shared."""
    for a, b in (("a/pipe", "a/pipe-of-other"), ("a/pipe", "a/encoder"), ("a/encoder", "a/pipe")):
        answer = checked(compare(session, a, b))
        assert answer.verdict == "unrelated"
        assert outcome(answer, "content.component") == "neutral"
        assert "text_encoder/model.safetensors" in detail(answer, "content.component")
        assert "component in common" in plain(render(answer, "table"))  # type: ignore[arg-type]


def test_components_that_differ_are_named(session: Session) -> None:
    """The same denoiser beside another text encoder is the same main group, and the answer says what differs."""
    answer = checked(compare(session, "a/pipe", "a/pipe-other-text"))
    assert answer.verdict == "same_weights"
    assert any("text_encoder/model.safetensors" in note for note in answer.notes)


def test_revisions_and_files_of_the_zoo(small_zoo: Path, tmp_path: Path) -> None:
    """Revisions of one model, folders and single files may be mixed: another card, new training, other shards."""
    herons = small_zoo / "heronml/heron-gpt2-tiny-licences"
    zoo = zoo_hub(small_zoo, tmp_path / "zoo")
    with Session(hub_selector=str(zoo), store_url="memory:") as session:
        newest = compare(session, "heronml/heron-gpt2-tiny-licences", str(herons / "r4"))
        assert newest.verdict == "same_weights"
        pushes = compare(session, str(herons / "r0"), str(herons / "r2"))
        assert (pushes.verdict, pushes.direction) == ("related", "unknown")
        assert compare(session, str(herons / "r2"), str(herons / "r3")).verdict == "same_weights"
        file = compare(session, str(herons / "r4/model.safetensors"), "heronml/heron-gpt2-tiny-licences")
        assert file.verdict == "same_weights"
        assert file.a.revision is None
        strangers = checked(compare(session, "skiffworks/skiff-0.7m", "heronml/heron-gpt2-tiny-licences"))
        assert strangers.verdict == "unrelated"
        lora = checked(compare(session, "otterhub/skiff-packages-lora", "heronml/heron-gpt2-tiny-licences"))
        assert lora.verdict in ("unrelated", "not_comparable")
        lora = checked(compare(session, "otterhub/skiff-packages-lora", "skiffworks/skiff-0.7m"))
        assert (lora.verdict, lora.relation) == ("not_comparable", "adapter")
        old = newest.b.revision
        assert compare(session, "heronml/heron-gpt2-tiny-licences", str(herons / "r4")).b.revision == old


def broken(kind: str, folder: Path) -> Path:
    """Write a model that cannot be read, or that holds nothing to compare."""
    if kind in ("nan", "zero", "infinite"):
        value = {"nan": numpy.nan, "zero": 0.0, "infinite": numpy.inf}[kind]
        return write_model(folder, {name: numpy.full_like(each, value) for name, each in BASE.items()})
    if kind == "one small matrix":
        return write_model(folder, {"w": numpy.ones((4, 4), numpy.float32)})
    write_model(folder, None)
    if kind == "missing shard":
        write_shards(folder, encoded(BASE), 3)
        (folder / "model-00002-of-00003.safetensors").unlink()
        return folder
    huge = b'{"x":{"dtype":"F32","shape":[1000000000000,4],"data_offsets":[0,16]}}'
    weights: dict[str, tuple[str, bytes]] = {
        "pointer": ("model.safetensors", POINTER),
        "cut": ("model.safetensors", safetensors_bytes(encoded(BASE))[:50_000]),
        "empty": ("model.safetensors", b""),
        "huge": ("model.safetensors", with_header(huge, bytes(16))),
        "no header": ("model.safetensors", with_header(b"[]")),
        "pickle": ("pytorch_model.bin", pickle.dumps({"run": os.system})),
        "onnx": ("model.onnx", b"\x08\x07"),
        "gguf": ("model.gguf", b"GGUF\x03\0\0\0" + b"\xff" * 16),
    }
    if kind in weights:
        name, content = weights[kind]
        (folder / name).write_bytes(content)
    return folder


BROKEN = {
    "nothing": "no main weight group", "pointer": "git lfs pull", "cut": "cut short", "empty": "ends after 0 bytes",
    "huge": "bytes that its shape asks for", "no header": "not a valid", "pickle": "PyTorch did not write",
    "onnx": "safetensors or GGUF", "gguf": "GGUF", "missing shard": "model-00002-of-00003", "nan": "not finite",
    "zero": "all zero", "infinite": "not finite", "one small matrix": "4 are needed",
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_not_comparable(session: Session, tmp_path: Path, kind: str) -> None:
    """Unreadable, missing or empty weights prove nothing: exit code 2, on either side, with the reason."""
    folder = str(broken(kind, tmp_path / "broken"))
    for a, b in ((folder, "a/base"), ("a/base", folder)):
        answer = checked(compare(session, a, b))
        assert answer.verdict == "not_comparable", answer.rules
        assert exit_code(answer) == 2
        assert BROKEN[kind] in " ".join(each.reason for each in answer.unchecked)


def test_equal_files_that_are_not_read_are_the_same(session: Session, tmp_path: Path) -> None:
    """Two pickles with equal bytes hold the same weights, although nothing in them is read."""
    one, two = broken("pickle", tmp_path / "one"), broken("pickle", tmp_path / "two")
    answer = checked(compare(session, str(one), str(two)))
    assert (answer.verdict, exit_code(answer)) == ("same_weights", 0)


def test_hostile_files_claim_nothing(session: Session, tmp_path: Path) -> None:
    """Hostile cards, configs, headers and links end in an answer or an error of ours, and never in a relation."""
    verdicts = set()
    for name, build in (REPORTED | READABLE).items():
        sound_model(tmp_path / name)
        build(tmp_path / name)
        try:
            verdicts.add(checked(compare(session, str(tmp_path / name), "a/base")).verdict)
        except LineageError as error:
            assert "unexpected error" not in error.message, name  # noqa: PT017 -- an answer or an error of ours
    assert verdicts == {"not_comparable"}


def ask(*arguments: str) -> Any:
    """Run `lineage compare`."""
    return CliRunner().invoke(main, ["compare", *arguments])


def test_the_command_prints_and_exits(hub: Path, tmp_path: Path) -> None:
    """Names, folders and files are mixed on the command line; lines in a pipe have at most 100 columns."""
    shutil.copytree(hub / "a/cast", tmp_path / "cast")
    done = ask(str(tmp_path / "cast/model.safetensors"), "a/base", "--hub", str(hub))
    assert done.exit_code == 0
    assert "was made from a/base, by a cast" in " ".join(done.stdout.split())
    long = [line for line in done.stdout.splitlines() if len(line) > 100 and str(tmp_path) not in line]
    assert long == []
    assert ask("a/lies", "a/base", "--hub", str(hub)).exit_code == 1
    assert ask("a/lora", "a/base", "--hub", str(hub)).exit_code == 2
    here = ask(str(tmp_path / "cast"), str(hub / "a/base"))
    assert "local files, read" in here.stdout


@pytest.mark.parametrize(
    ("target", "words"), [("a/nope", "a/nope"), ("/no/such/folder", "/no/such/folder"), ("x y", "'x y'")]
)
def test_a_side_that_is_not_there_is_an_error(hub: Path, target: str, words: str) -> None:
    """A model or path that does not exist ends with 2, a message that names it, and no answer."""
    done = ask("a/base", target, "--hub", str(hub))
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr
    assert "unexpected" not in done.stderr
