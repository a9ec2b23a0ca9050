"""`--locked`: a product against its lock file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lineage.answers.audit.audit import AuditOptions
from lineage.answers.lock import lock
from lineage.answers.project import read_project
from lineage.answers.session import Session
from lineage.errors import InputError
from lineage_schemas.answers.audit import AuditAnswer
from tests.answers.audit.products import CARD, audited, found, product
from tests.support.bare_repository import BareRepository
from tests.support.readings import WEIGHTS, weights

pytestmark = pytest.mark.slow

LOCKED = AuditOptions(locked=True)


@pytest.fixture
def model(tmp_path: Path) -> BareRepository:
    """Make a model, and a product that follows its default branch and has locked it."""
    made = BareRepository(tmp_path / "hub/org/name.git")
    made.commit({WEIGHTS: weights(1), "README.md": CARD})
    folder = product(tmp_path / "product", '[models."org/name"]\n')
    with Session(project=read_project(start=folder), **where(tmp_path)) as session:
        lock(session, folder)
    return made


def where(tmp_path: Path) -> dict[str, Any]:
    """Say how to open the Hub and the store."""
    return {"hub_selector": str(tmp_path / "hub"), "store_url": str(tmp_path / "lineage.db")}


def of(tmp_path: Path, settings: str = '[models."org/name"]\n') -> AuditAnswer:
    """Audit the product against its lock."""
    return audited(product(tmp_path / "product", settings), LOCKED, **where(tmp_path))


@pytest.mark.usefixtures("model")
def test_what_is_locked_has_no_finding(tmp_path: Path) -> None:
    """The state that was locked is the one that is found, and the lock's own lines are no references."""
    answer = of(tmp_path)
    assert [each for each in found(answer)["org/name"] if "lock" in each] == []
    assert {each.file for each in answer.references} == {"lineage.toml"}
    assert answer.lock is not None


def test_weights_that_moved_since_the_lock_are_an_error(tmp_path: Path, model: BareRepository) -> None:
    """A silent change is an error, an announced one a warning, a commit without weights an information."""
    model.commit({"notes.txt": b"x"})
    rules = {each.id: each.severity for each in of(tmp_path).findings}
    assert rules["locked-model-changed"] == "info"
    model.commit({WEIGHTS: weights(2)})
    (finding,) = [each for each in of(tmp_path).findings if each.id == "weights-changed-since-lock"]
    assert (finding.severity, [each.file for each in finding.places]) == ("error", ["lineage.toml"])
    assert "without a version or a note" in finding.message


def test_an_announced_change_is_a_warning(tmp_path: Path, model: BareRepository) -> None:
    """A tag on the new weights announces them."""
    model.commit({WEIGHTS: weights(2)})
    model.git("tag", "v2.0", "main")
    (finding,) = [each for each in of(tmp_path).findings if each.id == "weights-changed-since-lock"]
    assert finding.severity == "warning"


def test_a_licence_that_changed_is_found(tmp_path: Path, model: BareRepository) -> None:
    """The lock says under which licence the model was accepted."""
    model.commit({"README.md": CARD.replace(b"apache-2.0", b"cc-by-nc-4.0")})
    messages = [each.message for each in of(tmp_path).findings if each.id == "locked-model-changed"]
    assert any("was apache-2.0 when it was locked, and is cc-by-nc-4.0" in each for each in messages)


def test_a_rewritten_history_loses_the_locked_commit(tmp_path: Path, model: BareRepository) -> None:
    """The locked commit is on no branch any more: that is an error of its own."""
    model.git("update-ref", "-d", "refs/heads/main")
    model.commit({WEIGHTS: weights(5), "README.md": CARD})
    assert "pinned-commit-vanished" in found(of(tmp_path))["org/name"]


@pytest.mark.usefixtures("model")
def test_a_model_that_is_not_locked_is_an_error(tmp_path: Path) -> None:
    """A model or a revision without an entry was never reviewed, and without a lock file nothing is compared."""
    BareRepository(tmp_path / "hub/org/new.git").commit({WEIGHTS: weights(3), "README.md": CARD})
    answer = of(tmp_path, '[models."org/name"]\n[models."org/new"]\n')
    assert "not-locked" in found(answer)["org/new"]
    assert "not-locked" not in found(answer)["org/name"]
    (tmp_path / "product/lineage.lock").unlink()
    with pytest.raises(InputError, match="there is no lock file"):
        of(tmp_path)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("line", "instead", "rule"),
    [
        (f'"{WEIGHTS}" = .*', f'"{WEIGHTS}" = "sha256:{"0" * 64}"', "weights-changed-since-lock"),
        (f'"{WEIGHTS}" = .*\n', "", "weights-changed-since-lock"),
        ("files_digest = .*", f'files_digest = "files.v1:{"0" * 64}"', "weights-changed-since-lock"),
        ("weights_digest = .*", f'weights_digest = "weights.v1:{"0" * 64}"', "weights-changed-since-lock"),
        ('"README.md" = .*', '"README.md" = "unknown"', "locked-model-changed"),
        (r"\Z", f'"evil.py" = "sha256:{"0" * 64}"\n', "locked-model-changed"),
    ],
)
def test_a_lock_with_other_files_than_its_commit_is_found(tmp_path: Path, line: str, instead: str, rule: str) -> None:
    """`verify --lock` trusts the hashes of the lock, so an audit compares them with those of the locked commit."""
    file = tmp_path / "product/lineage.lock"
    changed = re.sub(line, instead, file.read_text(), count=1)
    assert changed != file.read_text()
    file.write_text(changed)
    assert rule in found(of(tmp_path))["org/name"]


CONFIG = b'{"auto_map": {"AutoModel": "modeling_x.XModel"}}'


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("modeling_x.py", "warning"),
        ("config.json", "warning"),
        ("tokenizer.json", "warning"),
        ("vocab.txt", "warning"),
        ("other.fp16.safetensors", "warning"),
        ("CHANGES.md", "info"),
    ],
)
def test_files_that_changed_beside_equal_weights_are_named(
    tmp_path: Path, model: BareRepository, path: str, severity: str
) -> None:
    """Code and configs that a loader reads are a warning, documents an information."""
    model.commit({path: CONFIG})
    (finding,) = [each for each in of(tmp_path).findings if each.id == "locked-model-changed"]
    assert (finding.severity, path in finding.message) == (severity, True)


@pytest.mark.parametrize(
    ("load", "path"),
    [
        ('M.from_pretrained("org/two", variant="fp16")', "model.fp16.safetensors"),
        ('hf_hub_download("org/two", "b.safetensors", subfolder="s")', "s/b.safetensors"),
        ('M.from_pretrained("org/two", subfolder="s")', "s/model.safetensors"),
        ('os.system("llama-server -hf org/two:Q8_0")', "x-Q8_0.gguf"),
    ],
)
def test_the_weights_that_the_product_loads_decide(tmp_path: Path, load: str, path: str) -> None:
    """A variant, quantisation, file or folder that the sources name is compared, and not the main weights only."""
    made = BareRepository(tmp_path / "hub/org/two.git")
    files = {name: weights(number) for number, name in enumerate((WEIGHTS, path), 1)}
    made.commit({**files, "README.md": CARD})
    text = f"import os\nfrom huggingface_hub import hf_hub_download\nfrom transformers import AutoModel as M\n{load}\n"
    folder = product(tmp_path / "product", "", app__py=text)
    with Session(project=read_project(start=folder), **where(tmp_path)) as session:
        lock(session, folder)
    made.commit({path: weights(9)})
    found_of = {each.id: each for each in audited(folder, LOCKED, **where(tmp_path)).findings}
    assert found_of["weights-changed-since-lock"].severity == "error"
    assert path in found_of["weights-changed-since-lock"].message


def test_a_parent_that_is_not_the_locked_one_is_named(tmp_path: Path) -> None:
    """A status that was changed in the lock is found, and a base that moves on changes nothing of the parent."""
    base, child = (BareRepository(tmp_path / f"hub/org/{name}.git") for name in ("base", "child"))
    base.commit({WEIGHTS: weights(1), "README.md": CARD})
    child.commit({WEIGHTS: weights(2), "README.md": CARD.replace(b"\n---\n", b"\nbase_model: org/base\n---\n")})
    folder = product(tmp_path / "product", '[models."org/child"]\n')
    with Session(project=read_project(start=folder), **where(tmp_path)) as session:
        lock(session, folder)
    base.commit({WEIGHTS: weights(3)})
    file = folder / "lineage.lock"
    changed = re.sub(r'status = "\w+"', 'status = "inferred"', file.read_text())
    assert changed != file.read_text()
    file.write_text(changed)
    (message,) = [each.message for each in of(tmp_path, '[models."org/child"]\n').findings if each.rule == "LA030"]
    assert "org/base was locked as a parent of org/child: no relation, inferred" in message
