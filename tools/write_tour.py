"""Run the commands of the README's tour and paste their output below them.

Each `console` block holds one command after `$ `, and its output. What differs from run to run is replaced by fixed
values, so that a test can compare: the Hub's name (a hash of its path), the time of reading, the store's path and size.
Paths are those from the checkout's root.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

STORE = "/tmp/tour.db"

BLOCK = re.compile(r"^```console\n\$ (?P<command>.*?[^\\])\n(?P<output>.*?)^```", re.MULTILINE | re.DOTALL)


def answer(command: str, folder: Path) -> str:
    """Run a command in the checkout, in a shell, with a separate home and store; return all that it prints."""
    own = {"HUB": "lineage/demo_data/hub", "LINEAGE_STORE": str(folder / "tour.db"), "HOME": str(folder)}
    keep = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env={**keep, **own, "PATH": path, "PYTHONUTF8": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if "lineage " not in command or done.returncode > 2 or done.stdout.startswith("error:"):
        raise SystemExit(f"{command}\n{done.stdout}exit code {done.returncode}")
    text = done.stdout.replace(str(folder / "tour.db"), STORE).replace(f"{ROOT}/", "")
    text = re.sub(r"^(/tmp/tour\.db .*), [\d.]+ [kM]B$", r"\1, 1.1 MB", text, flags=re.MULTILINE)
    text = re.sub(r"\bdir-([\w.-]+)-[0-9a-f]{8}\b", r"dir-\1-1a2b3c4d", text)
    text = re.sub(r", [\d.]+ s; ", ", 0.5 s; ", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC$", "2026-11-21 12:00 UTC", text, flags=re.MULTILINE)


def rewritten(text: str) -> str:
    """Return the README with the current outputs of its commands."""
    with tempfile.TemporaryDirectory(prefix="lineage-tour-") as name:
        return BLOCK.sub(
            lambda block: f"```console\n$ {block['command']}\n{answer(block['command'], Path(name))}```", text
        )


def main() -> int:
    """Rewrite the README."""
    readme = ROOT / "README.md"
    readme.write_text(rewritten(readme.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
