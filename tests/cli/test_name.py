"""`lineage name` as users call it."""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner

from lineage_cli.main import main
from tests.cli.running import lineage


def run(*arguments: str, stdin: str = "") -> tuple[int, str]:
    """Run `lineage name` in this process; return the exit code and stdout."""
    done = CliRunner().invoke(main, ["name", *arguments], input=stdin)
    return done.exit_code, done.stdout


def test_names_are_read_from_standard_input_in_order() -> None:
    """`-f -` reads one name per line, without comments, and each format has one record per name."""
    given = "org/colours-7b\n# a comment\n\norg/bert-base-v2\n"
    code, text = run("-f", "-", "--format", "jsonl", stdin=given)
    assert code == 0
    assert [json.loads(line)["model"] for line in text.splitlines()] == ["org/colours-7b", "org/bert-base-v2"]
    rows = list(csv.DictReader(io.StringIO(run("-f", "-", "--format", "csv", stdin=given)[1])))
    assert [(row["identifier"], row["base-model"], row["own-version"]) for row in rows] == [
        ("colours", "", ""),
        ("", "bert-base", "v2"),
    ]
    answer = json.loads(run("-f", "-", "--format", "json", stdin=given)[1])
    assert (answer["schema"], answer["hub"], len(answer["names"])) == ("names.v1", None, 2)


@pytest.mark.parametrize("name", ["", "./colours-7b", "org/a b", "org/" + "a" * 97])
def test_a_text_that_is_no_id_ends_with_2(name: str) -> None:
    """The names are answered all the same, and the exit code says that one of them cannot be a model."""
    code, text = run(name, "org/colours-7b", "--format", "json")
    assert code == 2
    assert len(json.loads(text)["names"]) == 2


def test_no_name_is_an_error_of_use() -> None:
    """Without a name the command says what it needs."""
    assert run()[0] == 2


@pytest.mark.slow
def test_a_name_controls_no_terminal() -> None:
    """Escapes in a name are shown as text in every format, by the installed command in a pipe."""
    for to_format in ("table", "json", "jsonl", "csv"):
        done = lineage("name", "org/\x1b[31mred-7b\x7f", "--format", to_format)
        assert done.returncode == 2
        assert not {"\x1b", "\x7f"} & set(done.stdout)
        assert "red" in done.stdout
