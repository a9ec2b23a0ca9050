"""Which texts are fetched for the facets: those that differ, within a bound."""

from __future__ import annotations

from lineage.versioning.facets.files import LEFT_OUT, MAX_FURTHER, texts_to_read
from lineage.versioning.facets.side import same_bytes
from lineage_schemas.file import FileVersion
from tests.support.sides import Files, side_of


def to_read(before: Files, after: Files) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """List the texts to read of two sets of files."""
    return texts_to_read(side_of(before).snapshot, side_of(after).snapshot)


def test_texts_that_do_not_differ_are_not_read() -> None:
    """Equal ids need no reading, and neither do files that are compared by their bytes."""
    before: Files = {"vocab.json": "{}", "tokenizer.json": "1", "tokenizer.model": "1", "a.py": "1", "README.md": "1"}
    after: Files = {"vocab.json": "{}", "tokenizer.json": "2", "tokenizer.model": "2", "a.py": "2", "README.md": "2"}
    assert to_read(before, after) == (("tokenizer.json",), ("tokenizer.json",), ())


def test_a_template_needs_the_other_places_of_templates() -> None:
    """If chat_template.jinja was added, the unchanged tokenizer_config.json is read too: it has the template before."""
    before: Files = {"tokenizer_config.json": "{}"}
    found = to_read(before, {**before, "chat_template.jinja": "x"})
    assert found == (("tokenizer_config.json",), ("tokenizer_config.json", "chat_template.jinja"), ())


def test_a_fast_tokenizer_needs_the_slow_one() -> None:
    """If tokenizer.json was added, the unchanged vocabulary is read, from which it may have been made."""
    before: Files = {"vocab.json": "{}", "merges.txt": ""}
    assert to_read(before, {**before, "tokenizer.json": "{}"})[0] == ("vocab.json", "merges.txt")


def test_no_more_than_a_bound_is_read() -> None:
    """Of many small files only the most important are read beside the configs; the others are listed."""
    names = [f"part{n:02}/config.json" for n in range(20)]
    sides: list[Files] = [
        {**dict.fromkeys([*names, "generation_config.json", "tokenizer.json"], text)} for text in ("1", "2")
    ]
    before, after, left_out = to_read(*sides)
    assert before == after
    assert before[:2] == ("generation_config.json", "tokenizer.json")
    assert len(before) == 1 + MAX_FURTHER
    assert len(left_out) == 21 - MAX_FURTHER
    assert str(MAX_FURTHER) in LEFT_OUT


def test_ids_of_different_kinds_prove_nothing() -> None:
    """A file's id in git and a SHA-256 are not compared; sizes that differ show other bytes."""
    in_git, in_lfs = FileVersion(blob_id="a" * 40, size=5), FileVersion(blob_id="b" * 40, sha256="c" * 64, size=5)
    assert same_bytes(in_git, in_lfs) is None
    assert same_bytes(in_git, in_lfs.model_copy(update={"size": 6})) is False
    assert same_bytes(in_git, in_git) is same_bytes(in_lfs, in_lfs) is True
    assert same_bytes(in_git, FileVersion(blob_id="d" * 40, size=5)) is False
    assert same_bytes(in_lfs, FileVersion(sha256="e" * 64, size=5)) is False
    assert same_bytes(FileVersion(size=5), FileVersion(size=5)) is None
