"""Histories built in a few lines, and recorded ones read as records."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lineage.errors import FileNotInRevisionError, TextTooLongError
from lineage.versioning.changes import LineReport, line_changes
from lineage.versioning.contents import FileHash
from lineage.versioning.groups import PlacedGroup
from lineage.versioning.line import first_parent_line
from lineage.versioning.measured import Measurement, Measurer
from lineage_schemas.file import FileVersion
from lineage_schemas.file_change import FileChange
from lineage_schemas.history import Commit, History
from lineage_schemas.history_ref import HistoryRef, RefKind

START = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)

Files = Mapping[str, str | None]
"""Path to a short content, or None for a removal."""


def version(content: str) -> FileVersion:
    """Make the version of a file with a short content."""
    sha = hashlib.sha256(content.encode()).hexdigest()
    return FileVersion(blob_id=sha[:40], size=len(content), sha256=sha)


class HistoryBuilder:
    """Build a history commit by commit: hours since the start, title, files written or removed."""

    def __init__(self, model: str = "org/name") -> None:
        self.model = model
        self.commits: list[Commit] = []
        self.tags: dict[str, str] = {}
        self.texts: dict[tuple[str, str], str] = {}
        self._tree: dict[str, FileVersion] = {}

    def commit(
        self, hours: float | None, files: Files, title: str = "Upload folder", message: str = "", tag: str = ""
    ) -> str:
        """Add a commit on the line and give its id; without `hours` its date is not known."""
        number = len(self.commits)
        commit_id = f"{number:040x}"
        changes = []
        for path, content in files.items():
            new = version(content) if content is not None else None
            old = self._tree.pop(path, None)
            if new is not None:
                self._tree[path] = new
                self.texts[commit_id, path] = content or ""
            changes.append(FileChange(path=path, status="M" if old and new else "A" if new else "D", old=old, new=new))
        self.commits.append(
            Commit(
                id=commit_id,
                parents=(self.commits[-1].id,) if self.commits else (),
                date=None if hours is None else START + timedelta(hours=hours),
                title=title,
                message=message,
                changes=tuple(changes),
            )
        )
        if tag:
            self.tags[tag] = commit_id
        return commit_id

    def history(self) -> History:
        """Return the commits as a history with `main` as its only branch."""
        refs = [HistoryRef(name="refs/heads/main", kind="branch", target=self.commits[-1].id)]
        refs += [HistoryRef(name=f"refs/tags/{name}", kind="tag", target=at) for name, at in self.tags.items()]
        return History(
            model=self.model, source="git-partial", default_branch="refs/heads/main", refs=tuple(refs),
            commits=tuple(self.commits),
        )  # fmt: skip

    def read(self, commit: str, path: str, size: int | None) -> bytes:
        """Read a text as it is at a commit; one that is marked as unreadable raises."""
        earlier = reversed(self.commits[: int(commit, 16) + 1])
        text = next(text for each in earlier if (text := self.texts.get((each.id, path))) is not None)
        if text == "UNREADABLE":
            raise FileNotInRevisionError(f"{path} at {commit[:7]} is not recorded")
        if text == "TOO LONG":
            raise TextTooLongError(f"{path} at {commit[:7]}", "it is too long")
        return text.encode()

    def report(self, measurer: Measurer | None = None, *, cuts: Collection[int] = ()) -> LineReport:
        """Work out the changes of the line, weights unread unless a measurer reads them."""
        return report_of(self.history(), self, measurer, cuts)


class Unmeasured:
    """Stand for weights that lie out of reach."""

    def compare(self, before: PlacedGroup, after: PlacedGroup) -> Measurement:
        """Answer only that the hashes differ."""
        return Measurement("replaced", undecided="out of reach", decide_with="lineage check --level full")

    def sha256(self, commit: str, path: str, size: int) -> FileHash:
        """Answer that a file of git itself was not read."""
        return FileHash(None, "out of reach", "lineage check --level full")


class NoTexts:
    """Stand for a history of which no small file was recorded."""

    def read(self, commit: str, path: str, size: int | None) -> bytes:
        """Refuse every text."""
        raise FileNotInRevisionError(f"{path} at {commit[:7]} is not recorded")


def report_of(
    history: History,
    texts: HistoryBuilder | NoTexts,
    measurer: Measurer | None = None,
    cuts: Collection[int] = (),
) -> LineReport:
    """Work out the changes of a history's default line, weights unread unless a measurer reads them."""
    branch = history.default_branch or ""
    head = next(ref.target for ref in history.refs if ref.name == branch)
    line = first_parent_line(history, branch, head)
    return line_changes(history, line, history.model, texts.read, measurer or Unmeasured(), cuts=cuts)


def recorded(path: Path) -> History:
    """Read a recorded history of the shared data as a record."""
    record = json.loads(gzip.decompress(path.read_bytes()))
    refs = record["refs"]
    heads = [name for name in ("refs/heads/main", "refs/heads/master") if name in refs]
    default = heads[0] if heads else next(name for name in refs if name.startswith("refs/heads/"))
    return History(
        model=record["hub_repo"].split(" ")[0],
        source="git-partial",
        default_branch=default,
        refs=tuple(HistoryRef(name=n, kind=_kind(n), target=t) for n, t in sorted(refs.items())),
        commits=tuple(_commit(c) for c in reversed(record["commits"])),
    )


def _kind(name: str) -> RefKind:
    if name.startswith("refs/heads/"):
        return "branch"
    return "tag" if name.startswith("refs/tags/") else "pull_request"


def _commit(record: Mapping[str, object]) -> Commit:
    changes = record["changes"]
    assert isinstance(changes, Sequence)
    return Commit.model_validate(
        {
            **{name: record[name] for name in ("id", "parents", "date", "title", "message")},
            "changes": tuple(
                FileChange(
                    path=c["path"],
                    status=c["status"][0] if c["status"][0] in "AMD" else "M",
                    old=FileVersion(blob_id=c["old"]) if c.get("old") else None,
                    new=_new(c) if c.get("new") else None,
                )
                for c in changes
            ),
        }
    )


def _new(change: Mapping[str, object]) -> FileVersion:
    lfs = change.get("lfs") or {}
    assert isinstance(lfs, Mapping)
    return FileVersion.model_validate(
        {"blob_id": change["new"], "size": lfs.get("size", change.get("blob_size")), "sha256": lfs.get("sha256")}
    )
