"""Which cards of a model's lines are kept for their versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.collect import cards
from tests.support.readings import Readings, readings

FIELD = b"---\nversion: 1.%d\n---\n"


def kept(model: Readings) -> int:
    """Read the model, and count the texts that are stored."""
    model.check()
    with model.session().store.reading() as view:
        return view.attachment_counts().get("text", 0)


@pytest.mark.parametrize(
    ("limit", "value", "expected"), [("MAX_CARDS", 3, 3), ("MAX_BYTES", 10, 1), ("MAX_BYTES_TOGETHER", 50, 2)]
)
def test_cards_are_read_within_bounds(
    limit: str, value: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history of many or large cards is read from the newest on, up to a number and a size; the head's is kept."""
    monkeypatch.setattr(cards, limit, value)
    with readings("directory", tmp_path) as model:
        for number in range(6):
            model.repository.commit({"README.md": FIELD % number, "model.safetensors": b"%d" % number})
        assert kept(model) == expected


def test_only_cards_that_name_a_version_or_have_a_tag_are_kept(tmp_path: Path) -> None:
    """Of cards without a version only those of the head and of tagged commits are kept."""
    with readings("directory", tmp_path) as model:
        for number in range(4):
            commit = model.repository.commit({"README.md": b"text %d" % number, "model.safetensors": b"%d" % number})
            if number == 1:
                model.repository.git("tag", "v1.0", commit)
        model.repository.commit({"README.md": FIELD % 5})
        model.repository.commit({"README.md": b"the last"})
        assert kept(model) == 3
