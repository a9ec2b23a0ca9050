"""Whether a config lets a loader use the embedding as the head."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.fingerprint.cast import Placed
from lineage.fingerprint.measure import GroupFingerprint
from lineage.fingerprint.tied import may_be_tied
from lineage_schemas.weight_group import WeightGroup
from tests.support.range_hub import RangeHub


@pytest.mark.parametrize(
    ("config", "tied"),
    [
        (None, True),
        ("{}", True),
        ('{"tie_word_embeddings": true}', True),
        ('{"tie_word_embeddings": false}', False),
        ('{"text_config": {"tie_word_embeddings": false}}', False),
        ("{", None),
    ],
)
def test_a_config_ties_unless_it_says_otherwise(tmp_path: Path, config: str | None, tied: bool | None) -> None:
    """Only `tie_word_embeddings: false` unties a head; what cannot be read leaves it open."""
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    group = WeightGroup(name="sub/model.safetensors", component="sub", format="safetensors", files=())
    hub = RangeHub(tmp_path, in_place=True)
    assert may_be_tied(Placed(hub, "a/b", "c", GroupFingerprint(group))) is tied
