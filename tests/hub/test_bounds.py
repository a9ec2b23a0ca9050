"""Numbers of texts that are not trusted: read within the bounds that all stores have, unknown beyond them."""

from __future__ import annotations

import sqlite3
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.fingerprint.groups import shard_name, weight_groups
from lineage.hub.bounds import MAX_INDEX_DIGITS, MAX_SIZE, index_of, known_index, known_size, size_of
from lineage_schemas.file import FileEntry


@given(st.integers(0, 10**30), st.integers(0, 5))
def test_an_index_has_at_most_nine_digits(number: int, zeros: int) -> None:
    """Zeros in front do not count, and a number with more digits is not an index."""
    expected = number if len(str(number)) <= MAX_INDEX_DIGITS else None
    assert index_of("0" * zeros + str(number)) == expected
    assert known_index(number) == expected


@given(st.integers(0, 2**70))
def test_a_size_fits_into_64_bits(number: int) -> None:
    """Sizes below 2^63 are read, and larger ones are unknown."""
    expected = number if number < 2**63 else None
    assert size_of(str(number)) == size_of(str(number).encode()) == known_size(number) == expected


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "1_0", "²", "٣", "1e3", "9" * 5_000, "9" * 5_000_000])
def test_what_is_not_a_plain_number_is_unknown(text: str) -> None:
    """Signs, blanks, digits of other scripts and numbers without end are not read, and cost no time."""
    start = time.process_time()
    assert index_of(text) is None
    assert size_of(text) is None
    assert time.process_time() - start < 1


@pytest.mark.parametrize("value", [None, True, "1", 1.0, -1, 2**63])
def test_what_another_program_gives_is_checked_too(value: object) -> None:
    """Truth values, texts and fractions in a size's place are unknown."""
    assert known_size(value) is None


def test_the_largest_size_is_kept_by_sqlite() -> None:
    """The bound is the largest integer that a column can hold; the next one is an error."""
    with sqlite3.connect(":memory:") as store:
        assert store.execute("SELECT ?", (MAX_SIZE,)).fetchone() == (MAX_SIZE,)
        with pytest.raises(OverflowError):
            store.execute("SELECT ?", (MAX_SIZE + 1,))


@pytest.mark.parametrize(
    ("number", "of"),
    [("1", "9" * 10), ("9" * 10, "2"), ("9" * 5_000, "2"), ("1", "9" * 5_000), ("0" * 100_000 + "9" * 10, "1")],
)
@pytest.mark.parametrize("form", ["model-{}-of-{}.safetensors", "m.Q4_0-{}-of-{}.gguf", "m-split-{}-of-{}.gguf"])
def test_a_number_that_no_shard_has_is_a_part_of_the_name(form: str, number: str, of: str) -> None:
    """Such a file is a group of its own under its whole name, and is not a shard of a set."""
    path = form.format(number, of)
    assert shard_name(path).number is None
    (group,) = weight_groups([FileEntry(path=path)])
    assert (group.name, group.declared_shards, group.files) == (path, None, (path,))


def test_shards_with_many_zeros_and_parts_without_end() -> None:
    """Zeros in front do not make a number larger, and a part's total that is too large is unknown."""
    assert shard_name("m-" + "0" * 300 + "1-of-" + "0" * 300 + "2.safetensors")[:3] == ("m.safetensors", 1, 2)
    assert shard_name("m-00000-of-00002.safetensors")[:3] == ("m.safetensors", 0, 2)
    assert shard_name("m.gguf.part1of" + "9" * 5_000).of is None
    assert shard_name("m.gguf.part1of3").of == 3


def test_names_of_zeros_cost_no_time() -> None:
    """A name of a million digits, as a tree of git may hold, is searched once and not once for each digit."""
    start = time.process_time()
    for name in ("m-" + "0" * 1_000_000 + ".safetensors", "m" + "-1" * 200_000 + ".safetensors"):
        assert shard_name(name).number is None
    (group,) = weight_groups([FileEntry(path="checkpoint-" + "1" * 1_000_000 + "/model.safetensors")])
    assert group.main
    assert time.process_time() - start < 5
