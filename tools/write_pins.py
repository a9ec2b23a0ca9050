"""Write every direct and transitive version into pyproject.toml, as uv's constraints.

`make pins` keeps the versions that are pinned already and adds what a changed dependency needs; `make upgrade`
(`--upgrade`) takes the newest versions that are at least a week old, so that there is a week to find a malicious
release. The lock file that uv creates in between names download hosts and stays in a temporary folder.
Only the standard library is used: this runs before any environment exists.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

COOL_DOWN = "1 week"

TABLES = {
    "constraint-dependencies": ["--all-groups", "--all-extras"],
    "build-constraint-dependencies": ["--only-group", "build"],
}
"""Tables in `[tool.uv]`, each with its part of the lock file."""

PROJECT_FILES = ["pyproject.toml", "README.md", "LICENSE", "lineage/__init__.py"]
"""What uv reads of a project to lock it."""


def table(name: str, pins: list[str]) -> str:
    """Write one array of pins in the form of pyproject.toml."""
    lines = "".join(f'  "{pin}",\n' for pin in pins)
    return f"{name} = [\n{lines}]\n"


def replace_table(text: str, name: str, pins: list[str]) -> str:
    """Replace the array `name`, which must occur once, by `pins`."""
    new, count = re.subn(rf"^{name} = \[\n(?:  .*\n)*\]\n", lambda _: table(name, pins), text, flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"pyproject.toml: expected one array {name!r} in [tool.uv], found {count}")
    return new


def uv(folder: Path, *arguments: str) -> str:
    """Run uv on the copy of the project in `folder` and return what it prints."""
    command = [sys.executable, "-m", "uv", *arguments, "--project", str(folder), "--quiet"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"uv {arguments[0]} failed; pyproject.toml was not touched")
    return done.stdout


def resolve(text: str) -> dict[str, list[str]]:
    """Lock the project that `text` describes, and list the exact versions for each table."""
    with tempfile.TemporaryDirectory(prefix="lineage-pins-") as name:
        folder = Path(name)
        for file in PROJECT_FILES:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / file)
        (folder / "pyproject.toml").write_text(text, "utf-8")
        uv(folder, "lock", "--exclude-newer", COOL_DOWN)
        plain = ["--frozen", "--no-hashes", "--no-emit-project", "--no-annotate", "--no-header"]
        exclude = ["--exclude-newer", COOL_DOWN]
        return {name: uv(folder, "export", *plain, *part, *exclude).splitlines() for name, part in TABLES.items()}


def main() -> int:
    """Resolve and write; print what changed."""
    parser = argparse.ArgumentParser(description="pin every version in pyproject.toml")
    parser.add_argument("--upgrade", action="store_true", help="forget the pinned versions and take the newest")
    upgrade: bool = parser.parse_args().upgrade
    path = ROOT / "pyproject.toml"
    before = path.read_text("utf-8")
    start = before
    for name in TABLES if upgrade else ():
        start = replace_table(start, name, [])
    after = before
    for name, pins in resolve(start).items():
        after = replace_table(after, name, pins)
    path.write_text(after, "utf-8")
    changed = set(after.splitlines()) - set(before.splitlines())
    sys.stdout.write("".join(f"{line.strip()}\n" for line in sorted(changed)) or "pins are as they were\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
