"""The corpus: seeds that the project's own code makes, and inputs that were findings once."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.target import Target

FOLDER = Path(__file__).parent / "corpus"
"""Inputs that broke a parser, by target: `tests/fuzz/corpus/TARGET/NAME`. The parser was mended, and they stay."""


def seeds_of(target: Target) -> list[bytes]:
    """List the seeds of a target and its former findings."""
    return [*target.seeds(), *(path.read_bytes() for path in sorted((FOLDER / target.name).glob("*")))]
