"""What differs between two revisions or models."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.diff import diff
from lineage.answers.session import Session
from lineage.errors import InputError
from lineage.report.render import render
from lineage.report.text import plain
from lineage_schemas.answers.diff import DiffAnswer
from lineage_schemas.export import json_schema
from tests.support.bare_repository import BareRepository
from tests.support.shared import ROOT
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

DEMO = ROOT / "lineage" / "demo_data" / "hub"


def weights(*values: float, dtype: str = "F32", extra: bool = False) -> bytes:
    """Write a file with a tensor for each value, and `norm.weight`, which never changes."""
    letter = {"F32": "f", "F16": "e"}[dtype]
    tensors = {f"layers.{n}.weight": (dtype, (1,), struct.pack(f"<{letter}", value)) for n, value in enumerate(values)}
    tensors["norm.weight"] = (dtype, (1,), struct.pack(f"<{letter}", 1))
    if extra:
        tensors["added.weight"] = ("F32", (1,), bytes(4))
    return safetensors_bytes(tensors)


def config(**fields: object) -> bytes:
    """Write a config."""
    return json.dumps({"model_type": "llama", "hidden_size": 64, **fields}).encode()


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a Hub with one repository that has a first upload."""
    made = BareRepository(tmp_path / "hub" / "a" / "b.git")
    made.commit({
        "model.safetensors": weights(1, 2), "config.json": config(vocab_size=10), "tokenizer.json": b'{"a": 1}',
        "README.md": b"---\nlicense: mit\ntags: [x]\n---\nText\n",
    })  # fmt: skip
    return made


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a session on that Hub."""
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as opened:
        yield opened


def checked(answer: DiffAnswer) -> DiffAnswer:
    """Validate an answer against its schema."""
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("diff.v1"))
    return answer


def test_last_change_is_compared(repository: BareRepository, session: Session) -> None:
    """With one target the states before and after the last change of the weights are compared, not the last commit."""
    before = repository.commit({"notes.txt": b"nothing"})
    after = repository.commit({"model.safetensors": weights(1, 3)})
    repository.commit({"README.md": b"---\nlicense: mit\n---\nText again\n"})
    answer = checked(diff(session, "a/b"))
    assert (answer.a.revision, answer.b.revision) == (before, after)
    assert answer.weights.kind == "partial"
    assert answer.weights.tensors
    assert answer.weights.tensors.compared == "bytes"
    assert answer.weights.tensors.changed == ("layers.1.weight",)
    assert answer.weights.tensors.equal == 2
    assert answer.facets == ()
    assert answer.unchecked == ()


def test_fields_and_tokenizers_are_compared(repository: BareRepository, session: Session) -> None:
    """Config, card and tokenizer differences have both values and a pointer."""
    after = repository.commit({
        "model.safetensors": weights(5, 6), "config.json": config(vocab_size=12, rope={"b": 1, "a": [2]}),
        "tokenizer.json": b'{"a": 2}', "README.md": b"---\nlicense: apache-2.0\n---\nText\n",
        "generation_config.json": b'{"temperature": 0.5}',
    })  # fmt: skip
    answer = checked(diff(session, "a/b"))
    assert answer.weights.kind == "partial", "the norm is still the same"
    found = {facet.name: (facet.before, facet.after) for facet in answer.facets}
    assert found["config.vocab_size"] == ("10", "12")
    assert found["config.rope"] == (None, '{"a": [2], "b": 1}')
    assert found["card.license"] == ('"mit"', '"apache-2.0"')
    assert found["card.tags"] == ('["x"]', None)
    assert found["generation_config.temperature"] == (None, "0.5")
    assert found["tokenizer.tokenizer.json"][0] != found["tokenizer.tokenizer.json"][1]
    assert "config.hidden_size" not in found
    assert list(found) == sorted(found)
    pointers = {facet.name: facet.pointer for facet in answer.facets}
    assert pointers["config.rope"].revision == after
    assert (pointers["config.rope"].file, pointers["config.rope"].field) == ("config.json", "rope")
    assert pointers["card.tags"].revision == answer.a.revision


def test_two_revisions_are_compared_in_the_order_given(repository: BareRepository, session: Session) -> None:
    """`diff A B` goes from A to B."""
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit({"model.safetensors": weights(1, 2, extra=True)})
    forth = checked(diff(session, f"a/b@{first}", f"a/b@{second}"))
    back = checked(diff(session, f"a/b@{second[:10]}", f"a/b@{first}"))
    assert forth.weights.kind == back.weights.kind == "reshaped"
    assert forth.weights.tensors
    assert back.weights.tensors
    assert forth.weights.tensors.added == back.weights.tensors.removed == ("added.weight",)


def test_cast_is_measured(repository: BareRepository, session: Session) -> None:
    """The same values in another dtype are a cast if both sides are local."""
    repository.commit({"model.safetensors": weights(1, 2, dtype="F16")})
    answer = checked(diff(session, "a/b"))
    assert answer.weights.kind == "cast"
    assert answer.unchecked == ()
    for to_format in ("table", "markdown"):
        written = render(answer, to_format)
        text = written if isinstance(written, str) else plain(written)
        assert "tensors: 3 hold the same values, rounded to another dtype" in text
        assert "0 equal" not in text


def test_card_text_is_compared_by_hash(repository: BareRepository, session: Session) -> None:
    """The text below the metadata is one field, compared by its hash; a card with metadata only has no text."""
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit({"README.md": b"---\nlicense: apache-2.0\n---\nText\n"})
    third = repository.commit({"README.md": b"---\nlicense: apache-2.0\n---\nOther text\n"})
    fourth = repository.commit({"README.md": b"---\nlicense: apache-2.0\n---\n"})
    names = [[facet.name for facet in checked(diff(session, f"a/b@{a}", f"a/b@{b}")).facets]
             for a, b in ((first, second), (second, third))]  # fmt: skip
    assert names == [["card.license", "card.tags"], ["card text"]]
    gone = diff(session, f"a/b@{third}", f"a/b@{fourth}").facets[0]
    assert gone.before is not None
    assert gone.before.startswith('"sha256:')
    assert (gone.after, gone.pointer.revision) == (None, third)


def test_quantised_weights_are_reported_as_stored_differently(repository: BareRepository, session: Session) -> None:
    """Packed tensors are read in full, but packed and plain values cannot be compared, and no command decides it."""
    packed = {"layers.0.qweight": ("I32", (1,), bytes(4)), "norm.weight": ("F16", (1,), b"\0<")}
    repository.commit({"model.safetensors": safetensors_bytes(packed)})
    answer = checked(diff(session, "a/b"))
    assert (answer.weights.kind, answer.weights.tensors and answer.weights.tensors.compared) == ("replaced", "bytes")
    assert "header" not in answer.unchecked[0].reason
    assert "rounded or quantised" in answer.unchecked[0].reason
    assert answer.unchecked[0].decide_with is None
    text = plain(render(answer, "table"))  # type: ignore[arg-type]
    assert "replaced · different tensors, stored in different types" in text
    assert "not compared" not in text


def test_a_level_is_kept_and_the_full_one_named(repository: BareRepository, session: Session) -> None:
    """Headers do not distinguish a cast from retraining; the answer says so and names the command that does."""
    repository.commit({"model.safetensors": weights(3, 4)})
    answer = checked(diff(session, "a/b", level="header"))
    assert answer.weights.kind == "replaced"
    assert "only headers were compared: a cast cannot be distinguished" in answer.unchecked[0].reason
    assert answer.unchecked[0].decide_with == "lineage diff a/b --level full"
    assert "only their headers were compared" in plain(render(answer, "table"))  # type: ignore[arg-type]


def test_unread_weights_are_unchecked(repository: BareRepository, session: Session) -> None:
    """Weights that are known by their hash only are `replaced`, and the answer reports that nothing was compared."""
    for number in (1, 2):
        repository.commit({"model.safetensors": None, "pytorch_model.bin": b"PK\x03\x04%d" % number})
    answer = checked(diff(session, "a/b"))
    assert answer.weights.kind == "replaced"
    assert answer.weights.tensors is None
    assert len(answer.unchecked) == 1


def test_missing_objects_are_unchecked(repository: BareRepository, session: Session, tmp_path: Path) -> None:
    """A group whose bytes are missing is reported as unread, and the rest of the answer is complete."""
    import shutil

    repository.commit({"model.safetensors": weights(7, 8), "config.json": config(vocab_size=11)})
    shutil.rmtree(repository.git_dir / "lfs")
    answer = checked(diff(session, "a/b"))
    assert answer.weights.kind == "replaced"
    assert any(item.what == "model.safetensors" for item in answer.unchecked)
    assert [facet.name for facet in answer.facets] == ["config.vocab_size"]


def test_unreadable_config_is_unchecked(repository: BareRepository, session: Session) -> None:
    """A config that is not JSON is unchecked and is not reported as a difference."""
    repository.commit({"model.safetensors": weights(3, 4), "config.json": b"{broken"})
    answer = checked(diff(session, "a/b"))
    assert answer.facets == ()
    assert any("config.json" in item.what for item in answer.unchecked)


def test_models_and_folders_are_compared() -> None:
    """Two models, or a model and a folder, are compared; a folder's id has the prefix of its own Hub."""
    with Session(hub_selector=str(DEMO), store_url="memory:") as session:
        answer = checked(diff(session, "otterhub/skiff-0.7m-manual", "quillworks/notary-0.7m"))
        assert answer.weights.kind == "retrained"
        assert answer.a.model == "otterhub/skiff-0.7m-manual"
        same = checked(diff(session, "otterhub/skiff-0.7m-manual", str(DEMO / "otterhub" / "skiff-0.7m-manual")))
        assert same.weights.kind == "equal"
        assert same.facets == ()
        assert same.b.model.startswith("dir-")


def test_model_without_weights_is_unknown(tmp_path: Path) -> None:
    """If a side has no weights, the kind is unknown, and the answer names that side."""
    for name, files in (("lab/whole", {"model.safetensors": weights(1, 3)}), ("lab/card", {"README.md": b"A card.\n"})):
        (tmp_path / name).mkdir(parents=True)
        for file, data in files.items():
            (tmp_path / name / file).write_bytes(data)
    with Session(hub_selector=str(tmp_path), store_url="memory:") as session:
        answer = checked(diff(session, "lab/whole", "lab/card"))
    assert answer.weights.kind == "unknown"
    assert "lab/card" in answer.unchecked[0].reason


def test_one_revision_cannot_be_compared(session: Session, repository: BareRepository) -> None:
    """A model with a single commit has no last change."""
    del repository
    with pytest.raises(InputError, match="nothing to compare"):
        diff(session, "a/b")
