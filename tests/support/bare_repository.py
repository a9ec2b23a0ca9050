"""Real bare repositories for the test Hub, made without a work tree: weights go to LFS, as on the Hub."""

from __future__ import annotations

import copy
import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.real_git import ENVIRONMENT, GIT

LFS_SUFFIXES = (".safetensors", ".bin", ".gguf", ".pt", ".onnx", ".h5")
FIRST_DAY = 1_700_000_000
AN_HOUR = 3_600


class BareRepository:
    """Build a bare repository commit by commit; each is two hours later than the one before unless told."""

    def __init__(self, git_dir: Path, *, branch: str = "refs/heads/main") -> None:
        self.git_dir = git_dir
        self.branch = branch
        self._clock = FIRST_DAY
        git_dir.mkdir(parents=True, exist_ok=True)
        # Without the templates: a dozen examples of hooks, copied and deleted for each repository.
        name = branch.removeprefix("refs/heads/")
        self.git("init", "--quiet", "--bare", "--template=", f"--initial-branch={name}")

    def copied(self, git_dir: Path) -> Self:
        """Copy the repository as it is to another folder; both go on from there."""
        shutil.copytree(self.git_dir, git_dir)
        other = copy.copy(self)
        other.git_dir = git_dir
        return other

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git here, without the configuration of the user who runs the tests."""
        who = {"NAME": "somebody", "EMAIL": "somebody@example.org", "DATE": f"{self._clock} +0000"}
        environment = ENVIRONMENT | {
            f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()
        }
        command = [GIT, "--git-dir", str(self.git_dir), *arguments]
        done = subprocess.run(command, input=stdin, env=environment, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(
        self,
        files: Mapping[str, bytes | None],
        title: str = "Upload",
        *,
        branch: str | None = None,
        merge: str | None = None,
        later: int = 2 * AN_HOUR,
        lfs: bool = True,
    ) -> str:
        """Add a commit that writes these files (None deletes one); with `lfs` weight files become LFS pointers.

        `later` are the seconds since the commit before, negative ones for a clock that runs behind.
        """
        self._clock += later
        ref = branch or self.branch
        who = f"somebody <somebody@example.org> {self._clock} +0000"
        stream = [f"commit {ref}\nmark :1\ncommitter {who}\n".encode(), _data(title.encode())]
        if self._exists(ref):
            stream.append(f"from {ref}^0\n".encode())
        elif self._exists(self.branch):
            stream.append(f"from {self.branch}^0\n".encode())
        if merge:
            stream.append(f"merge {merge}\n".encode())
        for path, content in files.items():
            if content is None:
                stream.append(f'D "{path}"\n'.encode())
            else:
                kept = self._pointer(content) if lfs and path.endswith(LFS_SUFFIXES) else content
                stream += [f'M 100644 inline "{path}"\n'.encode(), _data(kept)]
        return self.git("fast-import", "--quiet", "--force", stdin=b"".join(stream) + b"\nget-mark :1\n")

    def tag(self, name: str, commit: str = "HEAD") -> None:
        """Tag a commit, with an annotated tag, which must be peeled to be useful."""
        self.git("tag", "-a", "-m", name, name, commit)

    def _exists(self, ref: str) -> bool:
        return (self.git_dir / ref).is_file() or bool(self.git("for-each-ref", ref))

    def _pointer(self, content: bytes) -> bytes:
        """Keep a file's bytes as an LFS object and give its pointer."""
        sha256 = hashlib.sha256(content).hexdigest()
        folder = self.git_dir / "lfs" / "objects" / sha256[:2] / sha256[2:4]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / sha256).write_bytes(content)
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n".encode()


def bare_from_folder(folder: Path, git_dir: Path, title: str = "Upload") -> BareRepository:
    """Upload a plain folder as one commit."""
    repository = BareRepository(git_dir)
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    repository.commit(files, title)
    return repository


def bare_from_bundle(bundle: Path, git_dir: Path) -> Path:
    """Unpack a bundle with all its refs; its HEAD is the new repository's."""
    command = [GIT, "clone", "--quiet", "--mirror", str(bundle), str(git_dir)]
    subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True)
    return git_dir


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)
