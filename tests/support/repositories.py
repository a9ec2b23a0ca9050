"""Real git repositories out of recorded histories and of the zoo, made by the real git."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from lineage.hub.lfs import format_pointer, git_blob_id

AUTHOR = "publisher <publisher@example.org>"

WEIGHT_SUFFIXES = {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".onnx"}

REVISIONED = "heronml/heron-gpt2-tiny-licences"


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run git in a folder, without the configuration of the user who runs the tests."""
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in
           {"NAME": "publisher", "EMAIL": "publisher@example.org"}.items()}  # fmt: skip
    config = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    dates = {name: os.environ[name] for name in ("GIT_COMMITTER_DATE", "GIT_AUTHOR_DATE") if name in os.environ}
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=stdin, env=who | config | dates, capture_output=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr.decode()}"
    return done.stdout.decode().strip()


def recorded_history(record: Path, bare_dir: Path, *, missing_small: bool = False) -> dict[str, str]:
    """Build a bare repository from a recorded history; maps the recorded commit ids to the new ones.

    Parents, dates, titles, messages, paths and refs are the recorded ones, LFS pointers exactly so (their blob ids
    are asserted). Authors are one neutral name. Texts of other files were not recorded: a placeholder of the recorded
    size stands for each (of any size where that was not recorded either); `missing_small` takes these objects out
    again, so that trees name blobs which are nowhere.
    """
    with gzip.open(record) as file:
        recorded = json.load(file)
    commits = parents_first(recorded["commits"])
    _init(bare_dir)
    marks = {commit["id"]: number for number, commit in enumerate(commits, 1)}
    stream = b"".join(_commit(commit, marks) for commit in commits)
    marks_file = bare_dir / "marks"
    git(bare_dir, "fast-import", "--quiet", f"--export-marks={marks_file}", stdin=stream)
    by_mark = dict(line.split() for line in marks_file.read_text("ascii").splitlines())
    marks_file.unlink()
    new_ids = {old: by_mark[f":{number}"] for old, number in marks.items()}
    git(bare_dir, "update-ref", "-d", "refs/heads/imported")
    refs = {name: new_ids[target] for name, target in recorded["refs"].items() if target in new_ids}
    for name, target in refs.items():  # the others are tags of objects that were not recorded
        git(bare_dir, "update-ref", name, target)
    git(bare_dir, "symbolic-ref", "HEAD", _default_branch(refs))
    if missing_small:
        _take_out(bare_dir, {git_blob_id(_content(change)) for change in _written(commits) if "lfs" not in change})
    return new_ids


def zoo_repository(folder: Path, bare_dir: Path, *, message_of: dict[str, str] | None = None) -> dict[str, str]:
    """Build a bare repository from a zoo folder with `commits.json` and a snapshot for each revision.

    Weights go to LFS, their objects to `lfs/objects/ab/cd/SHA256`. Maps `r0`, `r1`, … to commits.
    """
    recorded = json.loads((folder / "commits.json").read_text("utf-8"))
    _init(bare_dir)
    made: dict[str, str] = {}
    for number, commit in enumerate(recorded, 1):
        stream = [f"commit refs/heads/main\nmark :1\n{_committer(commit['date'])}".encode()]
        text = commit["title"] + ("\n\n" + commit["message"] if commit["message"] else "")
        stream += [_data(text.encode()), b"from refs/heads/main^0\n" if number > 1 else b"", b"deleteall\n"]
        snapshot = folder / commit["rev"]
        for path in sorted(p for p in snapshot.rglob("*") if p.is_file()):
            stream += [
                f'M 100644 inline "{path.relative_to(snapshot).as_posix()}"\n'.encode(),
                _data(_kept(path, bare_dir)),
            ]
        git(bare_dir, "fast-import", "--quiet", stdin=b"".join(stream) + b"\n")
        made[commit["rev"]] = git(bare_dir, "rev-parse", "refs/heads/main")
        if commit["tag"]:
            git(bare_dir, "tag", commit["tag"], made[commit["rev"]])
    return made


def zoo_hub(zoo: Path, target: Path) -> Path:
    """Make a directory Hub of a zoo: plain folders as they are, those with revisions as bare repositories with LFS."""
    for folder in sorted(path for path in zoo.glob("*/*") if path.is_dir()):
        place = target / folder.relative_to(zoo)
        if (folder / "commits.json").is_file():
            zoo_repository(folder, place.with_name(place.name + ".git"))
        else:
            shutil.copytree(folder, place, copy_function=os.link)
    return target


def parents_first(commits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order commits so that each stands after its parents."""
    by_id = {commit["id"]: commit for commit in commits}
    done: dict[str, dict[str, Any]] = {}
    waiting = [commit["id"] for commit in commits]
    while waiting:
        commit_id = waiting.pop()
        missing = [parent for parent in by_id[commit_id]["parents"] if parent not in done]
        if missing:
            waiting += [commit_id, *missing]
        else:
            done[commit_id] = by_id[commit_id]
    return list(done.values())


def _init(bare_dir: Path) -> None:
    bare_dir.mkdir(parents=True)
    git(bare_dir, "init", "--quiet", "--bare", "--template=", "--initial-branch=main")


def _commit(commit: dict[str, Any], marks: dict[str, int]) -> bytes:
    """Write one commit for git fast-import; its changes are against its first parent."""
    text = commit["title"] + ("\n\n" + commit["message"] if commit["message"] else "")
    lines = [b"reset refs/heads/imported\n"] if not commit["parents"] else []
    lines += [f"commit refs/heads/imported\nmark :{marks[commit['id']]}\n".encode()]
    lines += [_committer(commit["date"]).encode(), _data(text.encode())]
    for word, parent in zip(["from", *["merge"] * len(commit["parents"])], commit["parents"], strict=False):
        lines.append(f"{word} :{marks[parent]}\n".encode())
    changes = commit["changes"]
    lines += [f"D {_quoted(change['path'])}\n".encode() for change in changes if change["status"] == "D"]
    for change in changes:
        if change["status"] != "D":
            lines += [f"M 100644 inline {_quoted(change['path'])}\n".encode(), _data(_content(change))]
    return b"".join(lines) + b"\n"


def _content(change: dict[str, Any]) -> bytes:
    """Write the recorded pointer, or as many bytes of a placeholder as the small file had."""
    if "lfs" in change:
        pointer = format_pointer(change["lfs"]["sha256"], change["lfs"]["size"])
        assert git_blob_id(pointer) == change["new"], f"{change['path']}: the recorded pointer is another text"
        return pointer
    note = f"recorded as blob {change['new']}, its text was not\n".encode()
    size: int | None = change["blob_size"]
    return note if size is None else (note * (size // len(note) + 1))[:size]


def _written(commits: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (change for commit in commits for change in commit["changes"] if change["status"] != "D")


def _take_out(bare_dir: Path, blobs: set[str]) -> None:
    """Pack the repository again without some blobs, and forget the old packs."""
    objects = [line[:40] for line in git(bare_dir, "rev-list", "--objects", "--all", "--no-object-names").splitlines()]
    kept = "".join(f"{name}\n" for name in objects if name not in blobs).encode()
    folder = bare_dir / "objects"
    old = list(folder.glob("pack/*"))
    git(bare_dir, "pack-objects", "--quiet", str(folder / "pack" / "kept"), stdin=kept)
    for path in [*old, *folder.glob("[0-9a-f][0-9a-f]/*")]:
        path.unlink()


def _kept(path: Path, bare_dir: Path) -> bytes:
    """Give what git keeps of a file: its bytes, or a pointer while the bytes go to LFS."""
    content = path.read_bytes()
    if path.suffix not in WEIGHT_SUFFIXES:
        return content
    sha256 = hashlib.sha256(content).hexdigest()
    place = bare_dir / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return format_pointer(sha256, len(content))


def _committer(date: str) -> str:
    when = datetime.fromisoformat(date)
    return f"committer {AUTHOR} {int(when.timestamp())} {when:%z}\n"


def _default_branch(refs: dict[str, str]) -> str:
    branches = sorted(name for name in refs if name.startswith("refs/heads/"))
    return next((name for name in ("refs/heads/main", "refs/heads/master") if name in branches), branches[0])


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)
