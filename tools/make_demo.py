"""Build the directory Hub of `lineage demo` from a recorded history and the zoo.

The history becomes a git bundle: every commit with its parents, date and title, every LFS pointer exactly as it was
pushed. Authors are replaced by one neutral name, so commit ids differ from the Hub's. Small files were never
recorded: a placeholder that names the recorded blob replaces each. Bodies of pull requests are texts of
other people and are left out. The zoo's folders are copied without tokenizers.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "lineage" / "demo_data" / "hub"

MAX_BYTES = 12_000_000

AUTHOR = b"publisher <publisher@example.org>"

FAMILY = {
    "skiffworks/skiff-0.7m": ["README.md", "config.json", "model.safetensors"],
    "plover-lab/plover-0.7m": ["README.md", "config.json", "model.safetensors"],
    "magpie-ml/python-max-0.7m": ["README.md", "config.json", "model.safetensors"],
    "otterhub/skiff-0.7m-manual": ["README.md", "config.json", "model.safetensors"],
    "otterhub/skiff-packages-lora": ["README.md", "adapter_config.json", "adapter_model.safetensors"],
    "blendery/manpython-0.7m-linear": ["README.md", "config.json", "mergekit_config.yml", "model.safetensors"],
    "quillworks/notary-0.7m": ["README.md", "config.json", "model.safetensors"],
    "quantworks/skiff-0.7m-manual-GGUF": ["README.md", "skiff-0.7m-manual-Q4_0.gguf"],
}
"""The files of each model that are included."""


def parents_first(commits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order commits so that each comes after its parents."""
    by_id = {commit["id"]: commit for commit in commits}
    done: dict[str, dict[str, Any]] = {}
    waiting = list(by_id.values())
    while waiting:
        commit = waiting.pop()
        missing = [by_id[p] for p in commit["parents"] if p not in done]
        if missing:
            waiting += [commit, *missing]
        else:
            done[commit["id"]] = commit
    return list(done.values())


def content(change: dict[str, Any]) -> bytes:
    """Write the pointer of an LFS file, or a placeholder for a small file."""
    if lfs := change.get("lfs"):
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{lfs['sha256']}\nsize {lfs['size']}\n".encode()
    note = f"The text of this file is not carried here: git blob {change['new']}, {change['blob_size']} bytes."
    return (json.dumps({"_note": note}) if change["path"].endswith(".json") else note).encode() + b"\n"


def line_of(history: dict[str, Any]) -> set[str]:
    """Collect the ids of the default branch's first-parent line."""
    by_id = {commit["id"]: commit for commit in history["commits"]}
    line, at = set(), history["refs"]["refs/heads/main"]
    while at:
        line.add(at)
        at = next(iter(by_id[at]["parents"]), None)
    return line


def fast_import(history: dict[str, Any]) -> Iterator[bytes]:
    """Write the history in the format of `git fast-import`."""
    commits = parents_first(history["commits"])
    marks = {commit["id"]: n for n, commit in enumerate(commits, start=1)}
    line = line_of(history)
    for commit in commits:
        when = f"{int(datetime.fromisoformat(commit['date']).timestamp())} +0000".encode()
        body = commit["message"] if commit["id"] in line else ""
        message = (commit["title"] + (f"\n\n{body}" if body else "") + "\n").encode()
        yield b"commit refs/import/all\nmark :%d\n" % marks[commit["id"]]
        yield b"author %s %s\ncommitter %s %s\ndata %d\n%s\n" % (AUTHOR, when, AUTHOR, when, len(message), message)
        for n, parent in enumerate(commit["parents"]):
            yield b"%s :%d\n" % (b"merge" if n else b"from", marks[parent])
        if not commit["parents"]:
            yield b"deleteall\n"
        for change in commit["changes"]:
            if change["status"] == "D":
                yield b"D %s\n" % change["path"].encode()
            else:
                data = content(change)
                yield b"M 100644 inline %s\ndata %d\n%s\n" % (change["path"].encode(), len(data), data)
        yield b"\n"
    for name, target in history["refs"].items():
        yield b"reset %s\nfrom :%d\n\n" % (name.encode(), marks[target])


def bundle(history: dict[str, Any], path: Path) -> None:
    """Make a bundle of the whole history, with HEAD on the default branch."""
    with tempfile.TemporaryDirectory(prefix="lineage-demo-") as name:
        git = ["git", "-C", name, "-c", "pack.threads=1"]
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", name], check=True)
        subprocess.run([*git, "fast-import", "--quiet"], input=b"".join(fast_import(history)), check=True)
        subprocess.run([*git, "update-ref", "-d", "refs/import/all"], check=True)
        subprocess.run([*git, "repack", "-adfq", "--window=250", "--depth=50"], check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*git, "bundle", "create", "--quiet", str(path), "HEAD", "--all"], check=True)


def main() -> int:
    """Replace the Hub in the package by a new one."""
    parser = argparse.ArgumentParser(description="build the demo's directory Hub")
    parser.add_argument("--history", type=Path, required=True, help="recorded history (.json.gz)")
    parser.add_argument("--zoo", type=Path, required=True, help="unpacked zoo: a folder of org/name/")
    arguments = parser.parse_args()
    shutil.rmtree(TARGET, ignore_errors=True)
    history = json.loads(gzip.decompress(arguments.history.read_bytes()))
    bundle(history, TARGET / f"{history['hub_repo']}.bundle")
    for model, files in FAMILY.items():
        (TARGET / model).mkdir(parents=True)
        for file in files:
            shutil.copyfile(arguments.zoo / model / file, TARGET / model / file)
    size = sum(path.stat().st_size for path in TARGET.rglob("*") if path.is_file())
    if size > MAX_BYTES:
        raise SystemExit(f"the demo's Hub takes {size:,} bytes; {MAX_BYTES:,} are agreed")
    print(f"{TARGET}: {size:,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
