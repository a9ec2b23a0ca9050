"""The verdicts of another tool, `provenancekit`, on the same pairs, in the environment where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

SCRIPT = """
import json, sys
from provenancekit import ModelProvenanceScanner
scanner = ModelProvenanceScanner()
for line in sys.stdin:
    a, b = json.loads(line)
    try:
        found = json.loads(scanner.compare(a, b).model_dump_json())
    except Exception as error:
        found = {"error": type(error).__name__}
    print("FOUND " + json.dumps(found), flush=True)
"""
"""One process for all pairs: importing its libraries takes longer than a comparison."""


def peer_verdicts(python: Path, folder: Path, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Run it over pairs of model folders, without a network; an error of a pair counts as its verdict."""
    asked = "".join(json.dumps([str(folder / a), str(folder / b)]) + "\n" for a, b in pairs)
    done = subprocess.run(
        [str(python), "-c", SCRIPT], input=asked, capture_output=True, text=True, check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    answers = [json.loads(line[6:]) for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    if len(answers) != len(pairs):
        raise SystemExit(f"the peer answered {len(answers)} of {len(pairs)} pairs: {done.stderr[-500:]}")
    return {pair: verdict(answer) for pair, answer in zip(pairs, answers, strict=True)}


def verdict(answer: dict[str, object]) -> str:
    """Return the decision of an answer, or the name of the error."""
    scores = answer.get("scores")
    decided = scores.get("provenance_decision") if isinstance(scores, dict) else None
    return str(decided or answer.get("error") or "no verdict")
