"""Checks of local files against a lock file, without a Hub and without a store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.session import Session
from lineage.answers.verify_lock import verify_lock
from lineage.audit.lock.write import write_lock
from lineage.errors import InputError
from lineage.fingerprint.digests import files_digest
from lineage.fingerprint.measure import fingerprint_file
from lineage.hub.lfs import format_pointer, git_blob_id
from lineage.progress import SILENT
from lineage_schemas.answers.verify import VerifyAnswer
from lineage_schemas.export import json_schema
from lineage_schemas.lock import Lock, LockedModel
from tests.support.readings import weights
from tests.support.weight_files import read_safetensors, write_shards

CHAT, CODER = "lab/chat", "lab/coder"
COMMIT = "a" * 40
WEIGHTS = "model.safetensors"


def hashes(folder: Path) -> dict[str, str]:
    """Name the files of a folder as the Hub does: weights by SHA-256, small texts by git blob id."""
    found = {}
    for file in sorted(each for each in folder.iterdir() if each.is_file()):
        sha256 = fingerprint_file(file, "full", SILENT).files[0].sha256 if file.name == WEIGHTS else None
        found[file.name] = f"sha256:{sha256}" if sha256 else f"gitblob:{git_blob_id(file.read_bytes())}"
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two models and a lock of both."""
    folder, entries = tmp_path_factory.mktemp("made"), []
    for number, model in enumerate((CHAT, CODER)):
        own = folder / model
        own.mkdir(parents=True)
        (own / WEIGHTS).write_bytes(weights(number))
        (own / "config.json").write_text('{"model_type": "llama"}')
        (own / "README.md").write_text(f"# {model}")
        digests = fingerprint_file(own / WEIGHTS, "full", SILENT).digests
        files = hashes(own)
        entries.append(
            LockedModel(
                id=model, names=(f"old/{number}",), commit=COMMIT, files=files,
                files_digest=files_digest([files[WEIGHTS]]), weights_digest=digests.weights,
            )
        )  # fmt: skip
    (folder / "lineage.lock").write_text(write_lock(Lock(model=tuple(entries))))
    return folder


@pytest.fixture
def models(made: Path, tmp_path: Path) -> Path:
    """Copy the models and their lock."""
    return Path(shutil.copytree(made, tmp_path / "models"))


@pytest.fixture
def session() -> Iterator[Session]:
    """Open a session whose Hub and store do not exist: nothing may be asked of them."""
    with Session(hub_selector="/nowhere", store_url="/nowhere/store.db", offline=True) as opened:
        yield opened


def verified(session: Session, models: Path, path: str = CHAT, **how: str) -> VerifyAnswer:
    """Verify a path and validate the answer."""
    answer = verify_lock(session, str(models / path), models / "lineage.lock", **how)
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("verify.v1"))
    return answer


def test_the_locked_files_are_equal(session: Session, models: Path) -> None:
    """A folder, and each of its files alone, is found in the lock whatever it is called."""
    answer = verified(session, models)
    assert (answer.verdict, answer.against, answer.revision) == ("equal", CHAT, COMMIT)
    (models / CHAT).rename(models / "renamed")
    assert verified(session, models, "renamed").against == CHAT
    (models / "renamed" / WEIGHTS).rename(models / "mine.safetensors")
    assert verified(session, models, "mine.safetensors").against == CHAT


@pytest.mark.parametrize("file", [WEIGHTS, "config.json", "README.md"])
def test_one_changed_byte_is_different(session: Session, models: Path, file: str) -> None:
    """A byte that was added to any locked file is found, and the file is named with both hashes."""
    path = models / CHAT / file
    path.write_bytes(path.read_bytes() + b" ")
    answer = verified(session, models, against=CHAT)
    assert (answer.verdict, [each.what for each in answer.differences]) == ("different", [file])
    difference = answer.differences[0]
    assert difference.expected
    assert difference.found
    assert difference.expected.partition(":")[0] == difference.found.partition(":")[0]


def test_a_file_that_the_commit_does_not_have_is_different(session: Session, models: Path) -> None:
    """Code or further weights beside the locked files are differences; a document is a note."""
    (models / CHAT / "modeling.py").write_text("import os")
    (models / CHAT / "model.fp16.safetensors").write_bytes(weights(9))
    (models / CHAT / "NOTES.md").write_text("mine")
    answer = verified(session, models)
    assert {each.what for each in answer.differences} == {"modeling.py", "model.fp16.safetensors"}
    assert answer.notes == ("not in the locked commit: NOTES.md",)


@pytest.mark.parametrize("file", [WEIGHTS, "config.json"])
def test_a_missing_file_is_unchecked(session: Session, models: Path, file: str) -> None:
    """Weights or a config that are not there prove nothing, and the command that fetches them is named."""
    (models / CHAT / file).unlink()
    answer = verified(session, models, against=CHAT)
    assert (answer.verdict, [each.what for each in answer.unchecked]) == ("unchecked", [file])
    assert answer.unchecked[0].decide_with == f"hf download {CHAT} --revision {COMMIT}"


def test_a_missing_document_is_a_note(session: Session, models: Path) -> None:
    """A folder without the card has what a loader reads."""
    (models / CHAT / "README.md").unlink()
    answer = verified(session, models)
    assert (answer.verdict, answer.notes) == ("equal", ("locked, and not here: README.md",))


def test_a_pointer_is_not_the_file(session: Session, models: Path) -> None:
    """A git-LFS pointer to the locked weights finds the model, and is unchecked; so is a link to nothing."""
    path = models / CHAT / WEIGHTS
    sha256 = hashes(models / CHAT)[WEIGHTS].partition(":")[2]
    path.write_bytes(format_pointer(sha256, path.stat().st_size))
    answer = verified(session, models, against=None)  # type: ignore[arg-type]
    assert (answer.verdict, answer.against) == ("unchecked", CHAT)
    assert "git lfs pull" in answer.unchecked[0].reason
    path.unlink()
    path.symlink_to(models / "nothing")
    assert verified(session, models, against=CHAT).verdict == "unchecked"


def test_the_same_parameters_in_shards_are_reserialised(session: Session, models: Path) -> None:
    """Shards of the locked tensors are equal parameters; with another config they are different."""
    folder = models / CHAT
    write_shards(folder, read_safetensors(folder / WEIGHTS)[0], 2)
    (folder / WEIGHTS).unlink()
    assert verified(session, models).verdict == "reserialised"
    (folder / "config.json").write_text("{}")
    assert verified(session, models, against=CHAT).verdict == "different"


def test_other_weights_are_not_known(session: Session, models: Path) -> None:
    """A folder with the weights of no locked model is not known, and different from the one that is named."""
    (models / CHAT / WEIGHTS).write_bytes(weights(77))
    (models / CHAT).rename(models / "other")
    answer = verified(session, models, "other")
    assert (answer.verdict, answer.against) == ("not_known", None)
    assert verified(session, models, "other", against=f"{CODER}@{COMMIT[:9]}").verdict == "different"
    assert verified(session, models, CODER, against="old/1").verdict == "equal"


def test_a_model_without_hashes_is_unchecked(session: Session, models: Path) -> None:
    """A gated model whose files the lock could not list says nothing about local files."""
    lock = Lock(model=(LockedModel(id=CHAT, incomplete="gated: no access"),))
    (models / "lineage.lock").write_text(write_lock(lock))
    answer = verified(session, models)
    assert (answer.verdict, answer.unchecked[0].reason) == ("unchecked", "gated: no access")
    lock = Lock(model=(LockedModel(id=CHAT, commit=COMMIT, files={WEIGHTS: "unknown"}),))
    (models / "lineage.lock").write_text(write_lock(lock))
    assert WEIGHTS in {each.what for each in verified(session, models).unchecked}


def test_what_is_not_there_is_an_error(session: Session, models: Path) -> None:
    """A path, a lock file or a model that does not exist is named with what to do."""
    for path, how, message in (
        ("nothing", {}, "cannot be read"),
        (CHAT, {"against": "lab/nix"}, "does not lock lab/nix"),
    ):
        with pytest.raises(InputError, match=message) as raised:
            verified(session, models, path, **how)
        assert raised.value.hint
    (models / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        verified(session, models, "empty")
    (models / "lineage.lock").unlink()
    with pytest.raises(InputError, match="does not exist"):
        verified(session, models)


@pytest.mark.parametrize("name", ["license.py", "NOTICE.safetensors", ".extra.safetensors", "copying/license.so"])
def test_weights_and_code_are_no_documents(session: Session, models: Path, name: str) -> None:
    """A loader that takes every file of a pattern takes these too, so an unknown one is a difference."""
    (models / CHAT / name).parent.mkdir(exist_ok=True)
    (models / CHAT / name).write_bytes(weights(5))
    answer = verified(session, models)
    assert (answer.verdict, [each.what for each in answer.differences]) == ("different", [name])


def test_a_link_to_a_folder_is_unchecked(session: Session, models: Path) -> None:
    """Loaders follow such a link, and its files were not compared."""
    (models / CHAT / "more").symlink_to(models / CODER)
    answer = verified(session, models)
    assert (answer.verdict, [each.what for each in answer.unchecked]) == ("unchecked", ["more"])
    assert "link to a folder" in answer.unchecked[0].reason
