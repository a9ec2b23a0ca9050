"""What a model was built on, and how its base changed after that: on real histories, read by the real pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage_schemas.answers.finding import Finding
from tests.support.bare_repository import BareRepository
from tests.support.readings import WEIGHTS, weights

pytestmark = pytest.mark.slow

A_DAY = 86_400


class Family:
    """Hold a base and an adapter of it as bare repositories whose clocks agree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = BareRepository(folder / "hub/org/base.git")
        self.child = BareRepository(folder / "hub/org/child.git")

    def upload_child(self, *, days: int = 0, revision: str | None = None) -> None:
        """Commit a child some days after the clock's start; its adapter config may name a revision of the base."""
        named = f', "revision": "{revision}"' if revision else ""
        adapter = f'{{"peft_type": "LORA", "base_model_name_or_path": "org/base"{named}}}'
        card = b"---\nbase_model: org/base\nbase_model_relation: adapter\n---\n"
        files = {"README.md": card, "adapter_config.json": adapter.encode(), "adapter_model.safetensors": weights(9)}
        self.child.commit(files, later=days * A_DAY + 2)

    def findings(self, rule: str) -> list[Finding]:
        """Trace the child with a new store, and select findings."""
        with Session(hub_selector=str(self.folder / "hub"), store_url="memory:") as session:
            return [each for each in trace(session, "org/child").findings if each.id == rule]


@pytest.fixture
def family(tmp_path: Path) -> Family:
    """Make both repositories, empty."""
    return Family(tmp_path)


def test_a_base_that_changed_after_the_child_moved_on(family: Family) -> None:
    """Without a declared revision the last one before the child's first weights counts, and is called inferred."""
    before = family.base.commit({WEIGHTS: weights(1)})
    family.upload_child(days=2)
    family.base.commit({WEIGHTS: weights(2)}, later=5 * A_DAY)
    (found,) = family.findings("base-moved-on")
    assert f"{before} (inferred from the dates)" in found.message
    assert "once" in found.message
    assert (found.pointer.model, found.rule) == ("org/child", "LD012")


def test_a_declared_revision_counts_before_the_dates(family: Family) -> None:
    """An adapter that names the first revision was built on it, although the base had changed before its upload."""
    first = family.base.commit({WEIGHTS: weights(1)})
    family.base.commit({WEIGHTS: weights(2)}, later=A_DAY)
    family.upload_child(days=5, revision=first)
    (found,) = family.findings("base-moved-on")
    assert f"{first} (declared)" in found.message


def test_changes_before_the_child_do_not_count(family: Family) -> None:
    """A base that changed before the child's first weights is what the child was built on."""
    family.base.commit({WEIGHTS: weights(1)})
    family.base.commit({WEIGHTS: weights(2)}, later=A_DAY)
    family.upload_child(days=5)
    assert family.findings("base-moved-on") == []


def test_a_commit_without_weights_is_not_a_move(family: Family) -> None:
    """A later card of the base changes no weights."""
    family.base.commit({WEIGHTS: weights(1)})
    family.upload_child(days=2)
    family.base.commit({"README.md": b"# A new text\n"}, later=5 * A_DAY)
    assert family.findings("base-moved-on") == []


def test_another_branch_is_not_a_move(family: Family) -> None:
    """Only the default branch of the base counts: it is what a child gets by the base's name."""
    family.base.commit({WEIGHTS: weights(1)})
    family.upload_child(days=2)
    family.base.commit({WEIGHTS: weights(2)}, later=5 * A_DAY, branch="refs/heads/next")
    assert family.findings("base-moved-on") == []


def test_a_parent_whose_first_weights_are_newer(family: Family) -> None:
    """A base that was uploaded days after its child cannot be what the child was made from; hours may be a clock."""
    family.upload_child()
    family.base.commit({WEIGHTS: weights(1)}, later=3 * A_DAY)
    (found,) = family.findings("parent-newer-than-child")
    assert "org/base" in found.message
    assert family.findings("base-moved-on") == []


def test_a_few_hours_may_be_a_wrong_clock(family: Family) -> None:
    """A base that seems hours younger than its child is not called newer."""
    family.upload_child()
    family.base.commit({WEIGHTS: weights(1)}, later=A_DAY // 4)
    assert family.findings("parent-newer-than-child") == []


def test_plain_folders_have_no_dates(family: Family) -> None:
    """A base in a plain folder is neither newer nor moved on: times of files are no evidence."""
    family.upload_child()
    folder = family.folder / "hub/org/plain"
    folder.mkdir()
    (folder / WEIGHTS).write_bytes(weights(1))
    card = b"---\nbase_model: org/plain\n---\n"
    family.child.commit({"README.md": card, "adapter_config.json": None})
    assert family.findings("parent-newer-than-child") == family.findings("base-moved-on") == []
