"""Names of licences that are like a known one."""

from __future__ import annotations

import pytest

from lineage.licences.misspelt import is_known, meant_instead


@pytest.mark.parametrize(
    ("name", "meant"),
    [("apache2-0", "apache-2.0"), ("aphace-2.0", "apache-2.0"), ("creativeml-openrail", "creativeml-openrail-m")],
)
def test_a_misspelt_name_stands_for_a_licence(name: str, meant: str) -> None:
    """Separators at other places and a wrong letter leave the licence to be recognised."""
    assert not is_known(name)
    assert meant_instead(name) == meant


@pytest.mark.parametrize(
    "name", ["cc-by-5.0", "acme-internal", "gemma-2", "other", "unlicensed", "Apache 2.0", "", "x" * 9999]
)
def test_another_name_is_not_corrected(name: str) -> None:
    """Another version, a licence of one's own and any known spelling are what they are."""
    assert meant_instead(name) is None
