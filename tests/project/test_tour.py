"""The README's tour shows the current output of its commands."""

from __future__ import annotations

import pytest

from tests.support.shared import ROOT
from tools.write_tour import BLOCK, rewritten


@pytest.mark.slow
def test_the_tour_is_what_the_commands_print() -> None:
    """Each command of the tour runs on the demo's Hub and prints the text below it (`make tour` writes it)."""
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(BLOCK.findall(readme)) >= 8
    assert rewritten(readme) == readme
