"""`check --derivation`: findings about a model's parents, and what of them stays unchecked."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.session import Session
from lineage_schemas.answers.check import CheckAnswer
from tests.support.bare_repository import BareRepository
from tests.support.readings import WEIGHTS, weights

pytestmark = pytest.mark.slow

CARD = b"---\nbase_model: org/base\nbase_model_relation: finetune\n---\n"


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Make a base, a copy of it that is filed as a fine-tune, a copy that names nothing, and a child without a base."""
    folder = tmp_path / "hub"
    for name, files in {
        "base": {WEIGHTS: weights(1)},
        "copy": {WEIGHTS: weights(1), "README.md": CARD},
        "gone": {WEIGHTS: weights(3), "README.md": CARD.replace(b"org/base", b"org/nowhere")},
    }.items():
        BareRepository(folder / f"org/{name}.git").commit(files)
    return folder


def checked(hub: Path, name: str, *, derivation: bool = True, fail_on: str = "error") -> CheckAnswer:
    """Check one model with a new store."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        answer = check(session, [f"org/{name}"], derivation=derivation, fail_on=fail_on)
    assert isinstance(answer, CheckAnswer)
    return answer


def test_a_wrong_relation_is_found_only_if_asked(hub: Path) -> None:
    """The parents are read and judged with --derivation alone; a warning counts if --fail-on says so."""
    assert not checked(hub, "copy", derivation=False).findings
    answer = checked(hub, "copy")
    assert [each.id for each in answer.findings] == ["wrong-relation"]
    assert (answer.model, answer.derivation) == ("org/copy", True)
    assert checked(hub, "copy", fail_on="warning").verdict == "findings"


def test_a_parent_that_cannot_be_compared_is_unchecked(hub: Path) -> None:
    """A missing parent is neither right nor wrong: the answer names it, the reason and the command that decides."""
    answer = checked(hub, "gone")
    assert answer.verdict == "unchecked"
    (item,) = [each for each in answer.unchecked if "org/nowhere" in each.what]
    assert item.decide_with == "lineage compare org/gone org/nowhere"


def test_a_plain_folder_has_findings_beside_what_is_unchecked(hub: Path) -> None:
    """A folder has no history to check, and its parents are judged all the same."""
    (hub / "org/folder").mkdir()
    (hub / "org/folder/README.md").write_bytes(CARD)
    (hub / "org/folder" / WEIGHTS).write_bytes(weights(1))
    answer = checked(hub, "folder", fail_on="warning")
    assert [each.id for each in answer.findings] == ["wrong-relation"]
    assert answer.verdict == "findings"
    assert answer.unchecked
