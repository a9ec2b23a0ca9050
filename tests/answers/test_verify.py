"""Checks whether local weights are those of a model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.answers.verify import verify
from lineage.collect.budget import ReadBudget
from lineage.errors import InputError
from lineage_schemas.answers.verify import VerifyAnswer
from lineage_schemas.export import json_schema
from tests.support.range_hub import RangeHub
from tests.support.shared import ROOT
from tests.support.weight_files import gguf_bytes, read_safetensors, safetensors_bytes, write_shards

pytestmark = pytest.mark.slow

DEMO = ROOT / "lineage" / "demo_data" / "hub"
ID = "otterhub/skiff-0.7m-manual"
MODEL = DEMO / ID / "model.safetensors"
CHILD = DEMO / "quillworks" / "notary-0.7m" / "model.safetensors"


@pytest.fixture
def session() -> Iterator[Session]:
    """Open a session on the demo's directory Hub, with an empty store."""
    with Session(hub_selector=str(DEMO), store_url="memory:") as opened:
        yield opened


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """Write the model's tensors into two shards."""
    write_shards(tmp_path, read_safetensors(MODEL)[0], 2)
    return tmp_path


def checked(answer: VerifyAnswer) -> VerifyAnswer:
    """Validate an answer against its schema."""
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("verify.v1"))
    return answer


def test_same_file_is_equal(session: Session, tmp_path: Path) -> None:
    """A downloaded file, under any name, equals the model's."""
    shutil.copy(MODEL, tmp_path / "model.safetensors")
    shutil.copy(MODEL, tmp_path / "mine.safetensors")
    for name in ("model.safetensors", "mine.safetensors"):
        answer = checked(verify(session, str(tmp_path / name), against=ID))
        assert (answer.verdict, answer.differences) == ("equal", ())
        assert answer.against == ID
        assert answer.revision


def test_same_folder_is_equal(session: Session) -> None:
    """A folder is compared group by group."""
    assert checked(verify(session, str(MODEL.parent), against=ID)).verdict == "equal"


def test_shards_of_the_same_tensors_are_reserialised(session: Session, sharded: Path) -> None:
    """The same parameters in different files are re-serialised, and the files that differ are listed."""
    answer = checked(verify(session, str(sharded), against=ID))
    assert answer.verdict == "reserialised"
    assert {item.what for item in answer.differences} == {
        "model.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
    }  # fmt: skip


def test_one_flipped_bit_is_different(session: Session, tmp_path: Path) -> None:
    """One changed byte is found, down to its tensor."""
    tensors, metadata = read_safetensors(MODEL)
    dtype, shape, data = tensors["model.norm.weight"]
    tensors["model.norm.weight"] = (dtype, shape, bytes([data[0] ^ 1]) + data[1:])
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(tensors, metadata))
    answer = checked(verify(session, str(tmp_path), against=ID))
    assert answer.verdict == "different"
    assert [item.what for item in answer.differences] == ["model.safetensors", "tensor model.norm.weight"]


def test_fine_tune_is_different(session: Session) -> None:
    """Another model of the same layout is different in all tensors."""
    answer = checked(verify(session, str(CHILD), against=ID))
    assert answer.verdict == "different"
    assert len(answer.differences) == 1 + len(read_safetensors(MODEL)[0])


def test_missing_shard_proves_nothing(session: Session, sharded: Path) -> None:
    """A folder that lacks a shard is unchecked, and the shard is named."""
    (sharded / "model-00002-of-00002.safetensors").unlink()
    answer = checked(verify(session, str(sharded), against=ID))
    assert answer.verdict == "unchecked"
    assert answer.digests.weights is None
    assert any("model-00002-of-00002.safetensors" in item.reason for item in answer.unchecked)


def test_other_tensors_in_an_incomplete_set_are_different(session: Session, sharded: Path) -> None:
    """A tensor with other values is a difference, whatever is in the shard that is missing."""
    (sharded / "model-00002-of-00002.safetensors").unlink()
    shard = sharded / "model-00001-of-00002.safetensors"
    tensors, metadata = read_safetensors(shard)
    name, (dtype, shape, data) = next(iter(tensors.items()))
    tensors[name] = (dtype, shape, bytes([data[0] ^ 1]) + data[1:])
    shard.write_bytes(safetensors_bytes(tensors, metadata))
    answer = checked(verify(session, str(sharded), against=ID))
    assert answer.verdict == "different"
    assert f"tensor {name}" in {item.what for item in answer.differences}


def test_group_that_the_model_lacks_is_different(session: Session, tmp_path: Path) -> None:
    """Weights that the model does not have are a difference, even if everything else is equal."""
    shutil.copy(MODEL, tmp_path / "model.safetensors")
    (tmp_path / "vae.pt").write_bytes(b"PK\x03\x04 something")
    answer = checked(verify(session, str(tmp_path), against=ID))
    assert answer.verdict == "different"
    assert [item.what for item in answer.differences] == ["vae.pt"]


def test_pickles_are_compared_by_hash(session: Session, tmp_path: Path) -> None:
    """Checkpoints that cannot be read are equal or different by their hash."""
    hub = tmp_path / "hub"
    for folder in (hub / "a" / "b", tmp_path / "same", tmp_path / "other"):
        folder.mkdir(parents=True)
        content = b"PK\x03\x04" + (b"2" if folder.name == "other" else b"1") * 100
        (folder / "pytorch_model.bin").write_bytes(content)
    with Session(hub_selector=str(hub), store_url="memory:") as opened:
        assert checked(verify(opened, str(tmp_path / "same"), against="a/b")).verdict == "equal"
        assert (
            checked(verify(opened, str(tmp_path / "other" / "pytorch_model.bin"), against="a/b")).verdict == "different"
        )


def test_a_checkpoint_that_is_not_read_is_not_compared_with_another_format(session: Session, tmp_path: Path) -> None:
    """The hash of a checkpoint says nothing about a model in safetensors: the answer is open, with the reason."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK\x03\x04" + b"1" * 100)
    answer = checked(verify(session, str(tmp_path), against=ID))
    assert answer.verdict == "unchecked"
    assert any("it is cut short" in item.reason for item in answer.unchecked)


def test_path_without_weights_is_an_error(session: Session, tmp_path: Path) -> None:
    """A folder without weights cannot be verified."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="holds no weight file"):
        verify(session, str(tmp_path), against=ID)


def test_relative_paths_need_no_dot(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument is always a path, even without `./`."""
    shutil.copy(MODEL, tmp_path / "model.safetensors")
    monkeypatch.chdir(tmp_path)
    assert checked(verify(session, "model.safetensors", against=ID)).verdict == "equal"


def test_store_names_the_revision(session: Session, sharded: Path) -> None:
    """Without a model the answer is the revision in the store that has the files, or the same parameters."""
    collect(session, ["quillworks/notary-0.7m"])
    assert checked(verify(session, str(MODEL))).verdict == "not_known"
    collect(session, [ID])
    by_file = checked(verify(session, str(MODEL)))
    assert by_file.verdict == "known"
    assert [(match.model, match.group, match.by) for match in by_file.matches] == [(ID, "model.safetensors", "files")]
    by_weights = checked(verify(session, str(sharded)))
    assert [(match.model, match.by) for match in by_weights.matches] == [(ID, "weights")]
    assert by_weights.matches[0].revision == by_file.matches[0].revision


@pytest.mark.parametrize("altered", ["model-00002-of-00002.safetensors", "consolidated.safetensors"])
def test_every_group_that_a_loader_could_take_must_be_known(tmp_path: Path, altered: str) -> None:
    """For one model in two layouts in one folder, a modified file of either is unchecked, with the deciding command."""
    published, mine = tmp_path / "hub" / "org" / "both", tmp_path / "mine"
    published.mkdir(parents=True)
    tensors = read_safetensors(MODEL)[0]
    write_shards(published, tensors, 2)
    (published / "consolidated.safetensors").write_bytes(safetensors_bytes(tensors, {"layout": "authors"}))
    (published / "config.json").write_text("{}")
    (published / "params.json").write_text("{}")
    shutil.copytree(published, mine)
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        collect(session, ["org/both"])
        assert checked(verify(session, str(mine))).verdict == "known"
        raw = (mine / altered).read_bytes()
        (mine / altered).write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        answer = checked(verify(session, str(mine)))
        against = checked(verify(session, str(mine), against="org/both"))
    assert against.verdict == "different"
    whole = "model.safetensors" if altered.startswith("model") else altered
    if whole == "model.safetensors":
        assert (answer.verdict, answer.unchecked) == ("not_known", ())
        return
    assert answer.verdict == "unchecked"
    assert [item.what for item in answer.differences] == [whole]
    assert (answer.unchecked[0].decide_with or "").startswith(f"lineage verify {mine} --against org/both@")


def test_a_part_that_is_not_known_does_not_hide_the_model(session: Session, tmp_path: Path) -> None:
    """Known weights stay known beside weights that no loader loads as the model, such as another component."""
    collect(session, [ID])
    shutil.copy(MODEL, tmp_path / "model.safetensors")
    (tmp_path / "vae.pt").write_bytes(b"PK\x03\x04 something")
    answer = checked(verify(session, str(tmp_path)))
    assert (answer.verdict, [item.what for item in answer.differences]) == ("known", ["vae.pt"])


def test_store_finds_renamed_tensors(session: Session, tmp_path: Path) -> None:
    """The same values under different names are found by their content."""
    collect(session, [ID])
    tensors = {f"base.{name}": tensor for name, tensor in read_safetensors(MODEL)[0].items()}
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    answer = checked(verify(session, str(tmp_path)))
    assert [(match.model, match.by) for match in answer.matches] == [(ID, "content")]


@pytest.mark.parametrize("name", ["evil", "My model (1)", "models--org--name/snapshots/" + "ab" * 20, "x.git"])
def test_a_folder_that_was_read_is_not_an_origin(session: Session, tmp_path: Path, name: str) -> None:
    """A trace records the folder itself; that record is not a match for the weights in it or in a copy of it."""
    copy = tmp_path / "copy"
    for folder in (tmp_path / name, copy):
        folder.mkdir(parents=True)
        shutil.copy(MODEL, folder / "model.safetensors")
        (folder / "config.json").write_text("{}", "utf-8")
    trace(session, str(tmp_path / name))
    for folder in (tmp_path / name, copy):
        assert checked(verify(session, str(folder))).verdict == "unchecked", "nothing on a Hub to compare with"
    collect(session, ["quillworks/notary-0.7m"])
    for folder in (tmp_path / name, copy):
        answer = checked(verify(session, str(folder)))
        assert (answer.verdict, answer.matches) == ("not_known", ())
    collect(session, [ID])
    assert [match.model for match in verify(session, str(copy)).matches] == [ID]


def test_an_empty_store_gives_unchecked(session: Session) -> None:
    """If the store holds no weights, the verdict is unchecked, with the commands that help."""
    answer = checked(verify(session, str(MODEL)))
    assert (answer.verdict, answer.matches) == ("unchecked", ())
    assert "lineage collect" in answer.unchecked[0].reason
    assert answer.unchecked[0].decide_with == f"lineage verify {MODEL} --against ORG/NAME"


def test_differences_are_summarised(session: Session, tmp_path: Path) -> None:
    """The summary counts the tensors that differ and shows the dtypes, however many differences are listed."""
    tensors = read_safetensors(MODEL)[0]
    every = len(tensors)
    assert verify(session, str(CHILD), against=ID).summary == f"all {every} tensors differ"
    dtype, shape, data = tensors.pop("model.norm.weight")
    tensors["added.weight"] = ("I8", (1,), b"1")
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    answer = checked(verify(session, str(tmp_path), against=ID))
    assert answer.summary == f"1 of {every} tensors missing, 1 added; dtype {dtype} → {dtype}/I8"
    assert (shape, bool(data)) == ((128,), True)


class Remote(Session):
    """A session on a Hub that serves byte ranges only."""

    def __init__(self, folder: Path) -> None:
        super().__init__(store_url="memory:")
        self.__dict__["hub"] = RangeHub(folder)


def test_remote_beyond_the_budget_is_unchecked_with_the_deciding_command(
    sharded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other files of a large remote model are neither equal nor different until their bytes were read."""
    monkeypatch.setattr("lineage.answers.verify.ReadBudget", partial(ReadBudget, left=1000))
    with Remote(sharded) as remote:
        answer = checked(verify(remote, str(MODEL), against="a/b"))
        assert answer.verdict == "unchecked"
        assert answer.unchecked[0].decide_with == f"lineage collect a/b@{'0' * 40} --level full"
        monkeypatch.setattr("lineage.answers.verify.ReadBudget", partial(ReadBudget, left=10**9))
        assert checked(verify(remote, str(MODEL), against="a/b")).verdict == "reserialised"


def test_other_layout_needs_no_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote model whose headers show other tensors is different, whatever its size."""
    tensors = dict(list(read_safetensors(MODEL)[0].items())[1:])
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    monkeypatch.setattr("lineage.answers.verify.ReadBudget", partial(ReadBudget, left=1000))
    with Remote(tmp_path) as remote:
        answer = checked(verify(remote, str(MODEL), against="a/b"))
    assert answer.verdict == "different"
    assert any(item.what.startswith("tensor ") and item.expected is None for item in answer.differences)


def folder_of(place: Path, *files: str) -> Path:
    """Write a model of one small tensor per file, with different values in each; other files are empty objects."""
    for file in files:
        target = place / file
        target.parent.mkdir(parents=True, exist_ok=True)
        values = file.encode().ljust(64, b".")[:64]
        is_weights = file.endswith(".safetensors")
        target.write_bytes(safetensors_bytes({"a": ("F32", (4, 4), values)}) if is_weights else b"{}")
    return place


UNET, VAE = "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"
UNET_FP16 = "unet/diffusion_pytorch_model.fp16.safetensors"


@pytest.mark.parametrize(
    ("published", "mine", "lacking"),
    [
        (("model_index.json", UNET, VAE), (VAE,), [UNET]),
        (("model_index.json", UNET, VAE), (UNET,), [VAE]),
        (("model_index.json", UNET, UNET_FP16, VAE), (UNET_FP16, VAE), []),
        (("config.json", "model.safetensors", "consolidated.safetensors"), ("consolidated.safetensors",),
         ["model.safetensors"]),
        (("config.json", "model.safetensors", "consolidated.safetensors"), ("model.safetensors",), []),
        (("modules.json", "model.safetensors", "2_Dense/model.safetensors"), ("model.safetensors",),
         ["2_Dense/model.safetensors"]),
        (("config.json", "model.safetensors", "adapter/adapter_model.safetensors"),
         ("adapter/adapter_model.safetensors",), ["model.safetensors"]),
    ],
)  # fmt: skip
def test_a_folder_without_the_weights_that_a_loader_takes_is_unchecked(
    tmp_path: Path, published: tuple[str, ...], mine: tuple[str, ...], lacking: list[str]
) -> None:
    """A folder that holds only some of the groups that a loader takes is not the model; one of its files alone is."""
    folder_of(tmp_path / "hub" / "org" / "whole", *published)
    here = folder_of(tmp_path / "mine", *mine)
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        answer = checked(verify(session, str(here), against="org/whole"))
        alone = checked(verify(session, str(here / mine[0]), against="org/whole"))
    assert [item.what for item in answer.unchecked] == [f"{name} of org/whole" for name in lacking]
    assert answer.verdict == ("unchecked" if lacking else "equal")
    assert alone.verdict == "equal"


def test_one_quantisation_of_several_is_the_users_choice(tmp_path: Path) -> None:
    """A folder with one GGUF file of a model in several quantisations lacks nothing."""
    published = tmp_path / "hub" / "org" / "gguf"
    published.mkdir(parents=True)
    for name, value in (("Otter-Q4_K_M.gguf", b"1"), ("Otter-Q8_0.gguf", b"2")):
        (published / name).write_bytes(gguf_bytes(tensors=[("a", (4, 4), 0, value * 64)]))
    mine = tmp_path / "mine"
    mine.mkdir()
    shutil.copy(published / "Otter-Q8_0.gguf", mine)
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        assert checked(verify(session, str(mine), against="org/gguf")).verdict == "equal"


def test_ranks_that_exchanged_their_contents_are_different(tmp_path: Path) -> None:
    """Files that are exchanged inside a group are other weights, compared with a model or found in the store."""
    names = ("consolidated.00.pth", "consolidated.01.pth")
    for folder, held in (("hub/org/model", (b"PK\3\4a", b"PK\3\4b")), ("swapped", (b"PK\3\4b", b"PK\3\4a"))):
        (tmp_path / folder).mkdir(parents=True)
        for name, data in zip(names, held, strict=True):
            (tmp_path / folder / name).write_bytes(data)
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        collect(session, ["org/model"])
        same, swapped = str(tmp_path / "hub/org/model"), str(tmp_path / "swapped")
        assert verify(session, swapped, against="org/model").verdict == "different"
        assert verify(session, same, against="org/model").verdict == "equal"
        assert verify(session, same).verdict == "known"
        assert verify(session, swapped).verdict == "not_known"
