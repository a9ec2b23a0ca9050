"""Tokenizer files of a million lines are compared in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import environment
from tests.support.shared import ROOT

MOST_MEGABYTES = 1_000
MOST_SECONDS = 120
"""Generous: on an idle machine the slowest case takes 5 seconds and 565 MB."""

CODE = """
import json, resource, sys
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from pathlib import Path
from lineage.versioning.facets.judge import judge
from tests.support.sides import side_of
name, *paths = sys.argv[1:]
sides = [side_of({name: Path(path).read_bytes()}) for path in paths]
found = {each.name: each for each in judge(*sides)}["tokenizer"]
peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
print(json.dumps({"state": found.state, "kinds": [each.kind for each in found.changes], "peak": peak}))
"""


def write(name: str, case: str, path: Path, last: str) -> None:
    """Write a tokenizer file of about a million tokens; `last` is the last one, or the end of the file."""
    if name == "vocab.txt":
        path.write_text("\n".join(f"{number:x}" for number in range(1_000_000)) + f"\n{last}\n", "utf-8")
    elif case == "long":
        vocab = {f"a token of some length, number {number:08}": number for number in range(1_000_000)}
        path.write_text(json.dumps({"model": {"vocab": vocab}}) + " " * len(last), "utf-8")
    elif case == "tokens":
        vocab = {f"t{number}": number for number in range(500_000)} | {last: 500_000}
        path.write_text(json.dumps({"model": {"vocab": vocab}}, separators=(",", ":")), "utf-8")
    else:
        path.write_text('{"model":{"vocab":{}},"x":[' + "{}," * 3_000_000 + f'"{last}"]}}', "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "case", "kinds"),
    [
        ("vocab.txt", "lines", ["changed"]),
        ("tokenizer.json", "tokens", ["changed"]),
        ("tokenizer.json", "objects", ["changed"]),
        ("tokenizer.json", "long", ["replaced"]),
    ],
)
def test_a_million_tokens_are_compared_in_bounds(tmp_path: Path, name: str, case: str, kinds: list[str]) -> None:
    """A million lines, half a million tokens in JSON, millions of empty objects, and 60 MB, which are not read."""
    paths = [tmp_path / side for side in ("before", "after")]
    for path, last in zip(paths, ("end", "other end"), strict=True):
        write(name, case, path, last)
    done = subprocess.run(
        [sys.executable, "-c", CODE, name, *map(str, paths)],
        capture_output=True, text=True, check=False, timeout=MOST_SECONDS, cwd=ROOT, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["state"], found["kinds"]) == ("changed", kinds)
    assert found["peak"] < MOST_MEGABYTES
