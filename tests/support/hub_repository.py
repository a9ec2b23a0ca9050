"""One repository of the test Hub: what the API says of it is worked out from a real bare git repository."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.support.real_git import ENVIRONMENT, GIT

POINTER = re.compile(rb"version https://git-lfs\S*\noid sha256:([0-9a-f]{64})\nsize (\d+)\n\Z")
CONFIG_EXCERPT = ("architectures", "model_type", "quantization_config")


@dataclass
class TreeFile:
    """One file of a tree; `sha256` is None for files that git keeps itself."""

    path: str
    oid: str
    size: int
    sha256: str | None
    pointer_size: int | None


@dataclass
class ServedRepository:
    """Answer questions about a bare repository as the Hub's API would.

    `lfs` holds objects as `ab/cd/SHA256`. `gated` files are for `token` holders only; `hidden` repositories look like
    missing ones. `extra` is laid over the model's info: downloads, likes, tags that only a Hub knows.
    """

    model: str
    git_dir: Path
    lfs: Path
    gated: str | bool = False
    hidden: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git on the bare repository, untouched by the configuration of the person who runs the tests."""
        command = [GIT, "--git-dir", str(self.git_dir), *arguments]
        return subprocess.run(command, input=stdin, env=ENVIRONMENT, capture_output=True, check=True).stdout

    @cached_property
    def _pointers(self) -> dict[str, tuple[int, str | None, int | None]]:
        """Remember for each blob its size and, if it is an LFS pointer, what it points at."""
        return {}

    @cached_property
    def _trees(self) -> dict[str, list[TreeFile]]:
        return {}

    def refs(self) -> dict[str, str]:
        """List full ref names with the commits behind them, annotated tags peeled."""
        listed = self.git("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)").decode(errors="replace")
        rows = (line.split(" ") for line in listed.split("\n") if line)
        return {name: peeled or target for name, target, peeled in rows}

    def default_branch(self) -> str:
        """Name the branch that HEAD points at."""
        return self.git("symbolic-ref", "HEAD").decode().strip()

    def commit(self, revision: str | None) -> str | None:
        """Find the commit of a branch, tag, PR ref or full commit id; as on the Hub, no prefixes."""
        refs = self.refs()
        if revision is None:
            return refs.get(self.default_branch())
        for name in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if name in refs:
                return refs[name]
        if re.fullmatch("[0-9a-f]{40}", revision):
            kind = self.git("cat-file", "--batch-check", stdin=revision.encode()).split()
            return revision if kind[1:2] == [b"commit"] else None
        return None

    def tree(self, commit: str) -> list[TreeFile]:
        """List all files of a commit."""
        if commit not in self._trees:
            rows = []
            for line in self.git("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]:
                meta, path = line.split(b"\t", 1)
                rows.append((path.decode(), meta.split()[2].decode()))
            self._learn([oid for _, oid in rows])
            self._trees[commit] = [TreeFile(path, oid, *self._pointers[oid]) for path, oid in rows]
        return self._trees[commit]

    def _learn(self, oids: list[str]) -> None:
        """Read sizes of blobs not seen before, and the content of those that may be pointers."""
        new = [oid for oid in dict.fromkeys(oids) if oid not in self._pointers]
        sizes = self.git("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin="\n".join(new).encode())
        for line in sizes.decode().splitlines():
            oid, size = line.split()
            found = POINTER.match(self.blob(oid)) if int(size) < 200 else None
            if found:
                self._pointers[oid] = (int(found[2]), found[1].decode(), int(size))
            else:
                self._pointers[oid] = (int(size), None, None)

    def blob(self, oid: str) -> bytes:
        """Read one blob."""
        return self.git("cat-file", "blob", oid)

    def file(self, commit: str, path: str) -> TreeFile | None:
        """Find one file of a commit."""
        return next((entry for entry in self.tree(commit) if entry.path == path), None)

    def commits(self, commit: str) -> list[dict[str, Any]]:
        """List the commits that a revision reaches, newest first, as the API does: without parents."""
        form = "%H%x00%ct%x00%an%x00%s%x00%b%x00%x00"
        listed = []
        for record in self.git("log", "--topo-order", f"--format={form}", commit).decode().split("\0\0\n")[:-1]:
            commit_id, seconds, author, title, message = record.split("\0")
            listed.append(
                {
                    "id": commit_id,
                    "title": title,
                    "message": message.strip(),
                    "date": as_date(int(seconds or 0)),  # empty where git cannot read it
                    "authors": [{"user": author, "avatar": ""}],
                }
            )
        return listed

    def card(self, commit: str) -> dict[str, Any] | None:
        """Read the metadata block of README.md."""
        readme = self.file(commit, "README.md")
        found = re.match(r"---\n(.*?)\n---", self.blob(readme.oid).decode(errors="replace"), re.S) if readme else None
        try:
            card = yaml.safe_load(found[1]) if found else None
        except yaml.YAMLError:
            return None
        return card if isinstance(card, dict) else None

    def config(self, commit: str) -> dict[str, Any] | None:
        """Read the excerpt of config.json that the Hub shows."""
        import json

        entry = self.file(commit, "config.json")
        try:
            config = json.loads(self.blob(entry.oid)) if entry else {}
        except ValueError:
            config = {}
        return {key: config[key] for key in CONFIG_EXCERPT if key in config} or None

    def info(self, commit: str, *, blobs: bool) -> dict[str, Any]:
        """Make the answer of model_info."""
        log = self.commits(commit)
        card = self.card(commit)
        answer: dict[str, Any] = {
            "_id": self.model,
            "id": self.model,
            "modelId": self.model,
            "author": self.model.split("/")[0],
            "sha": commit,
            "createdAt": log[-1]["date"],
            "lastModified": log[0]["date"],
            "private": False,
            "gated": self.gated,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": self.tags(card, commit),
            "siblings": [sibling(entry, blobs) for entry in self.tree(commit)],
        }
        optional = {
            "cardData": card,
            "config": self.config(commit),
            "library_name": (card or {}).get("library_name"),
            "pipeline_tag": (card or {}).get("pipeline_tag"),
        }
        answer |= {name: value for name, value in optional.items() if value is not None}
        return answer | self.extra

    def tags(self, card: dict[str, Any] | None, commit: str) -> list[str]:
        """Work out the Hub's tags: the card's own, the licence, and both forms for each base model."""
        card = card or {}
        tags = [str(tag) for tag in card.get("tags") or [] if not isinstance(card.get("tags"), str)]
        if card.get("license"):
            tags.append(f"license:{card['license']}")
        bases = card.get("base_model") or []
        bases = [bases] if isinstance(bases, str) else bases
        relation = card.get("base_model_relation") or self._relation(len(bases), commit)
        for base in bases:
            tags += [f"base_model:{base}", f"base_model:{relation}:{base}"]
        return tags

    def _relation(self, bases: int, commit: str) -> str:
        """Guess the relation as the Hub does where the card names none."""
        if self.file(commit, "adapter_config.json"):
            return "adapter"
        return "merge" if bases > 1 else "finetune"

    def squash(self, branch: str = "refs/heads/main", title: str = "Super-squash branch 'main'") -> str:
        """Rewrite a branch to one commit with the same tree, as the Hub's super-squash does."""
        tree = self.git("rev-parse", f"{branch}^{{tree}}").decode().strip()
        identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        commit = self.git(*identity, "commit-tree", tree, "-m", title).decode().strip()
        self.git("update-ref", branch, commit)
        return commit


def sibling(entry: TreeFile, blobs: bool) -> dict[str, Any]:
    """Show a file as model_info does."""
    answer: dict[str, Any] = {"rfilename": entry.path}
    if blobs:
        answer |= {"size": entry.size, "blobId": entry.oid}
        if entry.sha256:
            answer["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    return answer


def tree_entry(entry: TreeFile) -> dict[str, Any]:
    """Show a file as tree and paths-info do."""
    answer: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": entry.path}
    if entry.sha256:
        answer["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    return answer


def as_date(seconds: int) -> str:
    """Write a date in the only form that the client reads; a year of five digits is more than it reads."""
    if seconds >= 253_402_300_800:
        return f"+{1970 + seconds // 31_556_952:06}-01-01T00:00:00.000Z"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
