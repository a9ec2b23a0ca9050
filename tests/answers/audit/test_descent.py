"""What an audit makes of parents that the weights deny."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.answers.demo import FALSE_CARD, HUB_FOLDER
from tests.answers.audit.products import audited, product


@pytest.mark.slow
def test_a_denied_parent_is_no_ancestor(tmp_path: Path) -> None:
    """The false card is an error, and the licence of the parent that it names says nothing about the model."""
    folder = product(tmp_path / "product", f'[models."{FALSE_CARD}"]\n')
    answer = audited(folder, hub_selector=str(HUB_FOLDER), store_url="memory:")
    assert [each.id for each in answer.models] == [FALSE_CARD]
    assert [each.status for each in answer.derivations] == ["contradicted"]
    found = {each.id for each in answer.findings}
    assert "declared-parent-unrelated" in found
    assert "licence-non-commercial" not in found
