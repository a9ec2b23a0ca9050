"""What all tests share: the one flag that rewrites what tests compare with."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-goldens`: write goldens and generated documents anew, to be read as a diff before a commit."""
    parser.addoption("--update-goldens", action="store_true", help="write the goldens instead of comparing with them")
