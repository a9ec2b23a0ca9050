"""The command `lineage compat`: exit codes, formats, time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lineage_cli.main import main
from tests.support.evals import HARNESS, write_csv
from tests.support.peak import peak_of

RUNS = (str(HARNESS / "old"), str(HARNESS / "new"))


def run(*arguments: str) -> Result:
    """Run `lineage compat` in this process."""
    return CliRunner().invoke(main, ["compat", *arguments])


def made(folder: Path, name: str, rights: str) -> str:
    """Write results that are right (1) or wrong (0), one a character."""
    return str(write_csv(folder / f"{name}.csv", [{"id": i, "correct": each} for i, each in enumerate(rights)]))


def test_exit_codes_follow_the_verdict(tmp_path: Path) -> None:
    """0 without a limit or within it, 1 above it, 2 if something was not compared."""
    old, worse = made(tmp_path, "old", "1" * 40), made(tmp_path, "worse", "0" * 20 + "1" * 20)
    short = made(tmp_path, "short", "1" * 20)
    assert run(old, worse).exit_code == 0
    assert run(old, worse, "--max-nfr", "0.9").exit_code == 0
    assert run(old, worse, "--max-nfr", "0.02").exit_code == 1
    assert run(old, short, "--max-nfr", "0.02").exit_code == 2
    assert run(old, str(tmp_path / "gone")).exit_code == 2


def test_the_limit_of_the_project_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`[compat] max-nfr` is used where --max-nfr is not given, and not with --no-config."""
    old, worse = made(tmp_path, "old", "1" * 40), made(tmp_path, "worse", "0" * 20 + "1" * 20)
    (tmp_path / "lineage.toml").write_text("[compat]\nmax-nfr = 0.02\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(old, worse).exit_code == 1
    assert run(old, worse, "--max-nfr", "0.9").exit_code == 0
    assert run(old, worse, "--no-config").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [(), RUNS[:1], (*RUNS, RUNS[0]), ("--claims", "o/m", *RUNS), (*RUNS, "--max-nfr", "2"), (*RUNS, "--max-nfr", "nan"),
     (*RUNS, "--confidence", "1"), (*RUNS, "--confidence", "nan"), (*RUNS, "--epsilon", "nan"),
     (*RUNS, "--epsilon", "inf")],
    ids=lambda arguments: " ".join(arguments).replace(str(HARNESS), "")
)  # fmt: skip
def test_impossible_arguments_are_refused(arguments: tuple[str, ...]) -> None:
    """The message says what to name, and there is no traceback."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert done.stderr
    assert not done.stdout


def test_json_has_the_fields_of_the_answer() -> None:
    """JSON goes to stdout alone, with intervals as objects."""
    done = run(*RUNS, "--format", "json", "--show-flips", "1", "--task", "toy_choice")
    answer = json.loads(done.stdout)
    assert (answer["schema"], answer["verdict"], answer["limit"]) == ("compat.v1", "unjudged", None)
    assert [task["metric"] for task in answer["tasks"]] == ["acc", "acc_norm"]
    assert set(answer["tasks"][0]["nfr"]) == {"value", "low", "high"}
    assert set(answer["tasks"][0]["unpaired"]) == {"old", "new", "prompt", "duplicate"}
    assert len(answer["tasks"][0]["flips"]) == 1


def test_the_page_is_well_formed_and_loads_nothing(tmp_path: Path) -> None:
    """Every element is closed, every bar has a text for those who do not see it, and nothing is fetched."""
    path = tmp_path / "page.html"
    assert run(*RUNS, "--format", "html", "--show-flips", "2", "-o", str(path)).exit_code == 0
    page = path.read_text("utf-8")
    opened: list[str] = []

    class Elements(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"script", "img", "link", "iframe"}
            assert not {"src", "href"} & {name for name, _ in attrs}
            if tag != "meta":
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Elements().feed(page)
    assert opened == []
    assert page.count('role="img" aria-label="') == 6


def write_many(path: Path, count: int, period: int) -> str:
    """Write many instances, of which every `period`-th is wrong."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,correct,prediction\n")
        for i in range(count):
            file.write(f"{i},{int(i % period > 0)},{i % period}\n")
    return str(path)


@pytest.mark.slow
def test_forty_thousand_instances_take_little_time_and_memory(tmp_path: Path) -> None:
    """The growth of memory and the processor time of a whole run; the limits leave room for slow machines."""
    paths = [write_many(tmp_path / f"{period}.csv", 40_000, period) for period in (7, 5)]
    code = f"CliRunner().invoke(main, ['compat', *{paths!r}], catch_exceptions=False)"
    used, seconds = peak_of("from click.testing import CliRunner; from lineage_cli.main import main", code)
    assert used < 120
    assert seconds < 10


@pytest.mark.slow
def test_the_command_starts_without_numpy_and_pyarrow(tmp_path: Path) -> None:
    """Help loads neither: imports are inside the functions that need them."""
    code = "import sys; from lineage_cli.compat import command; print({'numpy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=dict(os.environ)
    )  # fmt: skip
    assert done.stdout.strip() == "set()"


def test_a_named_task_that_no_side_has_is_unchecked(tmp_path: Path) -> None:
    """A misspelt --task beside a right one must not end with exit code 0."""
    path = str(write_csv(tmp_path / "a.csv", [{"id": i, "correct": 1, "task": "sums"} for i in range(200)]))
    assert run(path, path, "--task", "sums", "--max-nfr", "0.5").exit_code == 0
    done = run(path, path, "--task", "sums", "--task", "sum", "--max-nfr", "0.5", "--format", "json")
    assert done.exit_code == 2
    assert [each["what"] for each in json.loads(done.stdout)["unchecked"]] == ["sum"]
    assert json.loads(done.stdout)["verdict"] == "unjudged"


def test_a_third_model_without_the_compared_instances_is_unchecked(tmp_path: Path) -> None:
    """Nothing is known of a third model whose ids are all others."""
    old = made(tmp_path, "old", "1" * 40)
    other = str(write_csv(tmp_path / "other.csv", [{"id": f"x{i}", "correct": 1} for i in range(40)]))
    done = run(old, old, "--compatible", other, "--format", "json")
    assert done.exit_code == 2
    assert "none of the compared instances" in json.loads(done.stdout)["unchecked"][0]["reason"]


def test_repeated_ids_that_were_compared_are_not_reported_as_left_out(tmp_path: Path) -> None:
    """Rows that a side has twice are compared once, and the table says so."""
    old = made(tmp_path, "old", "1" * 40)
    twice = tmp_path / "twice.csv"
    twice.write_text(Path(old).read_text("utf-8") + Path(old).read_text("utf-8").partition("\n")[2], "utf-8")
    shown = run(old, str(twice)).stdout
    assert "not compared" not in shown
    assert "40 repeated ids: compared once if all rows of the id agree" in shown


def test_options_that_claims_do_not_use_are_refused(tmp_path: Path) -> None:
    """--max-nfr would look like a limit that was kept."""
    old = made(tmp_path, "old", "1" * 40)
    done = run("--claims", str(tmp_path), old, "--max-nfr", "0.02")
    assert done.exit_code == 2
    assert "--max-nfr has no effect with --claims" in done.stderr
