"""Lists of targets: a target a line, with the start of its check and the line that named it."""

from __future__ import annotations

import pytest

from lineage.answers.listed import ListedTarget, read_list
from lineage_schemas.answers.incomplete import NamedAt


@pytest.mark.parametrize(
    ("line", "text", "since"),
    [
        ("org/name", "org/name", None),
        ("org/name@v2 --since v1", "org/name@v2", "v1"),
        ("org/name   --since=7d", "org/name", "7d"),
        ("org/name 0123abc", "org/name", "0123abc"),
        ("gpt2 v1.0", "gpt2", "v1.0"),
        ("./my models/one", "./my models/one", None),
        ("/data/my models/one --since v1", "/data/my models/one", "v1"),
        ("~/one two", "~/one two", None),
        ("org/name a b", "org/name a b", None),
        ("org/name --since", "org/name --since", None),
        ("org/name --other x", "org/name --other x", None),
    ],
)
def test_a_line_names_a_target_and_its_start(line: str, text: str, since: str | None) -> None:
    """The start is behind --since, or in a second column unless the target is a path; anything else is the target."""
    [listed] = read_list([(4, line)], "models.txt")
    assert listed == ListedTarget(text, since, NamedAt(file="models.txt", line=4))


def test_standard_input_has_no_place() -> None:
    """A list from standard input is not a file that a later reader could open."""
    assert [each.named_at for each in read_list([(1, "org/name")], None)] == [None]
