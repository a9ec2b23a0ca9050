"""How answers and messages are written to pipes, files, full disks and terminals."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lineage_cli._output import show
from tests.cli.running import environment, on_terminal, python
from tests.report.records import ANSWERS
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow

SHOW = """
from pathlib import Path
from tests.report.hostile_texts import hostile
from tests.report.records import ANSWERS
from lineage_cli._output import show
make = ANSWERS[{name!r}]
show({wrap}(make()), {to_format!r}, None)
"""


def showing(name: str, to_format: str, wrap: str = "") -> str:
    """Write the Python that shows an answer made by hand."""
    return SHOW.format(name=name, to_format=to_format, wrap=wrap)


def test_a_pipe_gets_plain_text() -> None:
    """In a pipe there is neither colour nor any other escape."""
    done = python(showing("trace-up", "tree"))
    golden = ROOT / "tests/report/goldens/trace-up.txt"
    assert done.stdout.decode() == golden.read_text("utf-8")
    assert done.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "koi8-r"])
@pytest.mark.parametrize("name", ["trace-up", "check-findings"])
def test_an_output_that_is_not_utf_8_gets_what_it_can_hold(name: str, encoding: str) -> None:
    """Trees are drawn in ASCII if the encoding has no box characters, and characters that it lacks are escaped."""
    done = python(showing(name, "tree" if name == "trace-up" else "table", "hostile"), PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert ("|-- " if name == "trace-up" else "! lab/") in text
    assert "├" not in text or encoding == "koi8-r"


def test_json_is_right_in_every_encoding() -> None:
    """JSON for an output that is not UTF-8 is ASCII and decodes to the same answer."""
    plain = json.loads(python(showing("check-findings", "json")).stdout)
    other = python(showing("check-findings", "json"), PYTHONIOENCODING="latin-1").stdout
    assert other.isascii()
    assert json.loads(other) == plain


def test_a_terminal_gets_colour_and_no_foreign_escapes() -> None:
    """On a terminal the verdict is coloured, while escape sequences in foreign text are shown, not executed."""
    seen = on_terminal(["-c", showing("check-findings", "table", "hostile")])
    assert "\x1b[1;31m" in seen
    assert "\\x1b[2J" in seen.replace("\n", "")
    assert set(re.findall(r"\x1b.?[^a-zA-Z]*[a-zA-Z]", seen)) <= {
        f"\x1b[{style}m" for style in ("0", "1", "2", "1;31", "32", "33")
    }
    assert "\x9b" not in seen
    assert "\x07" not in seen


def test_no_color_is_honoured() -> None:
    """NO_COLOR turns the colours off."""
    seen = on_terminal(["-c", showing("check-findings", "table")], NO_COLOR="1")
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", seen) is None


@pytest.mark.parametrize("name", ["trace-up", "trace-paths"])
def test_a_narrow_terminal_keeps_the_tree_in_shape(name: str) -> None:
    """Lines too long for the terminal are wrapped under their own guides, and no line is wider than the terminal."""
    seen = on_terminal(["-c", showing(name, "tree")], columns=48, NO_COLOR="1")
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in seen.splitlines()]
    assert max(map(len, lines)) <= 48
    first = next(position for position, line in enumerate(lines) if line.startswith("blend/merge-7b@"))
    tree = lines[first : lines.index("", first)]
    assert all(line[0] in "│├└ " for line in tree[1:] if not line.startswith("  no licence"))
    words = "".join("".join(tree).split())
    for piece in ("origin/base-7b", "mergekit_config.yml"):
        assert piece in words


def test_a_very_deep_tree_on_a_narrow_terminal_is_wrapped_by_it() -> None:
    """If the guides fill the terminal, nothing is lost and nothing crashes."""
    seen = on_terminal(["-c", showing("trace-up", "tree")], columns=16)
    assert "origin/gated-base" in "".join(seen.split())


def test_a_closed_pipe_changes_nothing() -> None:
    """A closed pipe is not an error: no message, and the exit code of the answer."""
    code = showing("history", "json").replace("make()", "make()") + "\nimport sys; sys.exit(1)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"import time; time.sleep(0.5)\n{code}"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment(), cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(30) == 1
    process.stderr.close()


def test_the_help_into_a_closed_pipe_is_quiet() -> None:
    """`lineage --help` into a pipe without a reader ends without a message."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "lineage", "--help"], stdout=writing, stderr=subprocess.PIPE, env=environment(),
        check=False, cwd=ROOT,
    )  # fmt: skip
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported() -> None:
    """An answer that does not fit on the disk is an error with code 2, not a traceback."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lineage", "store", "info", "--store", "memory:"], stdout=full,
            stderr=subprocess.PIPE, text=True, env=environment(), check=False, cwd=ROOT,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: the answer could not be written: No space left on device"
    assert len(done.stderr.splitlines()) == 2


def test_an_output_file_is_replaced_atomically(tmp_path: Path) -> None:
    """--output writes the plain answer, keeps the file's mode, follows a link, and leaves no other file."""
    real, link = tmp_path / "answer.txt", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    show(ANSWERS["trace-up"](), "tree", link)
    assert real.read_text("utf-8").startswith("blend/merge-7b@")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer.txt", "link"]


@pytest.mark.parametrize(
    ("redirected", "code"),
    [
        ("--help >&-", 0),
        ("--help 2>&-", 0),
        ("collect -f - <&-", 2),
        ("--help >/dev/full", 2),
        ("--help >/dev/full 2>/dev/full", 2),
    ],
)
def test_streams_that_are_closed_or_full(redirected: str, code: int) -> None:
    """Closed and full streams end with our own message and exit code, never with a traceback."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m lineage {redirected}', sys.executable],
        capture_output=True, text=True, env=environment(), check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == code
    assert not {"Exception", "Traceback", "bug"} & set(done.stderr.replace(":", " ").split())
