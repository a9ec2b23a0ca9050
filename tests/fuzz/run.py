"""Fuzz one target by hand, for minutes: `python -m tests.fuzz.run TARGET --minutes N`.

Inputs are mutations of the seeds. One that is refused at a place where no input was refused before becomes a seed too,
and so does one that is accepted with a new length. With `--atheris` the mutations are guided by the coverage of the
package; it needs atheris, which the project does not install: `uv run --with atheris python -m tests.fuzz.run …`.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import importlib
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

FOLDER = Path("fuzz-findings")

MAX_SEEDS = 5_000

HANG_SECONDS = 120
"""Seconds after which one input counts as a hang: the run ends and prints where it is."""

_ENVIRONMENT = {"HF_TOKEN_PATH": os.devnull, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}


class Findings:
    """Write findings to a folder, each kind once: the input, and beside it what it broke."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kinds: set[str] = set()
        self.count = 0

    def add(self, data: bytes, finding: str, place: str | None) -> None:
        """Keep a finding unless one of its kind was kept."""
        kind = place or finding.partition(":")[0]
        if kind in self._kinds:
            return
        self._kinds.add(kind)
        self.count += 1
        name = hashlib.sha256(data).hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(data)
        (self._folder / f"{name}.txt").write_text(finding, "utf-8", errors="backslashreplace")
        print(f"finding {self._folder / name}: {finding.strip().splitlines()[-1][:300]}", file=sys.stderr)


def mutate(name: str, seconds: float, seed: int, findings: Findings) -> int:
    """Run a target on mutations until the time is over; return the number of inputs."""
    from tests.fuzz.all_targets import TARGETS
    from tests.fuzz.corpus import seeds_of
    from tests.fuzz.mutation import TOKENS, mutated
    from tests.fuzz.target import judge

    target = TARGETS[name]
    chance = random.Random(seed)
    seeds, tokens = seeds_of(target), (*target.tokens, *target.tokens, *TOKENS)
    first, count, end = len(seeds), 0, time.monotonic() + seconds
    places: set[object] = set()
    with target.opened() as read:
        while time.monotonic() < end:
            data = seeds[count] if count < first else mutated(chance, seeds, tokens)
            count += 1
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
            outcome = judge(target, read, data)
            faulthandler.cancel_dump_traceback_later()
            if outcome.finding:
                findings.add(data, outcome.finding, outcome.place)
            place = outcome.place or len(data) // 16
            if place not in places and len(seeds) < MAX_SEEDS:
                places.add(place)
                if count > first:
                    seeds.append(data)
    return count


def guide(name: str, seconds: float, seed: int, findings: Findings) -> NoReturn:
    """Run a target with atheris, which ends the process when the time is over."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["lineage"]):
        from tests.fuzz.all_targets import TARGETS
    from tests.fuzz.corpus import seeds_of
    from tests.fuzz.target import MAX_INPUT, judge

    target, count, start = TARGETS[name], 0, time.monotonic()
    with target.opened() as read, tempfile.TemporaryDirectory(prefix="fuzz-") as corpus:
        for number, data in enumerate(seeds_of(target)):
            Path(corpus, str(number)).write_bytes(data)

        def one(data: bytes) -> None:
            nonlocal count
            count += 1
            outcome = judge(target, read, data)
            if outcome.finding:
                findings.add(data, outcome.finding, outcome.place)
            if time.monotonic() - start > seconds:
                report(name, count, time.monotonic() - start, findings)
                shutil.rmtree(corpus)
                os._exit(bool(findings.count))  # atheris calls any other end of the process a crash

        limits = [
            f"-seed={seed}",
            f"-max_len={MAX_INPUT}",
            f"-timeout={HANG_SECONDS}",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], corpus, *limits], one)
        atheris.Fuzz()
    raise SystemExit(0)


def report(name: str, count: int, seconds: float, findings: Findings) -> None:
    """Print the figures of a run."""
    print(f"{name}: {count:,} inputs, {seconds:.0f} s, {findings.count} findings", flush=True)


def main() -> int:
    """Run the target that the command line names, or every one of them, one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description="Fuzz one parser.")
    parser.add_argument("target", help="name of a target, or `all`")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where findings are written")
    parser.add_argument("--atheris", action="store_true", help="guide the mutations by coverage")
    chosen = parser.parse_args()
    os.environ.update(_ENVIRONMENT)
    os.environ.pop("HF_TOKEN", None)
    if chosen.atheris:  # before the package is imported, which atheris has to see
        guide(chosen.target, chosen.minutes * 60, chosen.seed, Findings(chosen.folder / chosen.target))
    from tests.fuzz.all_targets import TARGETS

    names = list(TARGETS) if chosen.target == "all" else [chosen.target]
    if not set(names) <= TARGETS.keys():
        parser.error(f"no target is called {chosen.target}; there are: {', '.join(TARGETS)}")
    total = 0
    for name in names:
        findings, start = Findings(chosen.folder / name), time.monotonic()
        count = mutate(name, chosen.minutes * 60, chosen.seed, findings)
        report(name, count, time.monotonic() - start, findings)
        total += findings.count
    return 1 if total else 0


if __name__ == "__main__":
    raise SystemExit(main())
