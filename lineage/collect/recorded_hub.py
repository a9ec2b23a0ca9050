"""A Hub under --offline: the store answers for it, and what is not stored is an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lineage.collect.recorded import recorded_history, recorded_meaning, recorded_refs
from lineage.collect.trees import trees_of_line
from lineage.errors import FileNotInRevisionError, HubUnreachableError, RevisionNotFoundError
from lineage.hub.card import read_card
from lineage.hub.interface import Hub
from lineage.hub.json_text import parse_json_object
from lineage.hub.revisions import NamedCommit, is_default
from lineage.store.aliases import key_of_alias
from lineage.versioning.line import first_parent_line
from lineage_schemas.file import FileEntry
from lineage_schemas.history import History
from lineage_schemas.ids import revision_key, split_model_key
from lineage_schemas.snapshot import ResolvedRevision, Snapshot

if TYPE_CHECKING:
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import GraphStore, StoreView


class RecordedHub(Hub):
    """Answer for `hub`, or the Hub of that name, with what was collected from it: refs, commits, files, cards, configs.

    Bytes of weights are not in the store: reading them raises HubUnreachableError, and so does a model that was never
    collected.
    """

    is_local = False
    offline = True

    def __init__(self, hub: Hub | str, store: GraphStore) -> None:
        self.name = hub if isinstance(hub, str) else hub.name
        self._store = store
        self._files: dict[tuple[str, str], tuple[FileEntry, ...]] = {}

    def resolve(self, model: str, revision: str | None = None) -> ResolvedRevision:
        """Resolve a name to the commit that it meant when the model was last read."""
        with self._store.reading() as view:
            key = key_of_alias(view, self.name, model) or self.key(model)
            node = view.nodes("Model", [key]).get(key) or {}
            if not node.get("head"):
                raise HubUnreachableError(
                    f"{model} is not in the store, and {self.name} is not asked, because of --offline",
                    model=model,
                    hint=f"`lineage collect {model}` reads it",
                )
            name = split_model_key(key)[1]
            if revision is None or is_default(revision):
                commit, ref = _default(view, key, node["head"])
            else:
                meaning = recorded_meaning(view, key, revision)
                if not meaning.named:
                    raise RevisionNotFoundError(
                        f"no branch, tag or commit {revision} of {name} is in the store",
                        model=name,
                        hint=f"`lineage collect {name}@{revision}` reads it",
                    )
                commit, ref = meaning.require(name)
        return ResolvedRevision(model=name, commit=commit, asked=model, ref=ref)

    def snapshot(self, resolved: ResolvedRevision) -> Snapshot:
        """List the recorded files of a commit, with the card and config that were kept."""
        files = self._tree(resolved.model, resolved.commit)
        partial = self._partial(resolved.model)
        listed = {entry.path for entry in files}
        unknown = [path for path in ("README.md", "config.json") if path not in listed] if partial else []
        unreadable: dict[str, str] = dict.fromkeys(unknown, partial or "")
        card_text, card = None, None
        readme = self._kept(files, "README.md", unreadable)
        if readme is not None:
            card_text, card, problem = read_card(readme)
            if problem is not None:
                unreadable["README.md"] = problem
        config: dict[str, Any] | None = None
        data = self._kept(files, "config.json", unreadable)
        if data is not None:
            config, problem = parse_json_object(data)
            if problem is not None:
                unreadable["config.json"] = problem
        return Snapshot(
            model=resolved.model, commit=resolved.commit, files=files, card=card, card_text=card_text, config=config,
            unreadable=unreadable, partial=partial,
        )  # fmt: skip

    def history(self, model: str, *, pull_requests: bool = False, known: History | None = None) -> History:
        """Return the history as it was recorded."""
        with self._store.reading() as view:
            found = recorded_history(view, self.key(model))
        if found is None:
            raise self._not_here(model, "its history")
        return found

    def read(self, model: str, commit: str, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Read a card, config or index that was kept."""
        entry = next((entry for entry in self._tree(model, commit) if entry.path == path), None)
        if entry is None:
            raise FileNotInRevisionError(f"{model}@{commit} has no {path}", model=model)
        data = self._text(entry)
        if data is None:
            raise self._not_here(f"{model}@{commit}", path)
        return data[start : None if length is None else start + length]

    def stream(self, model: str, commit: str, path: str) -> Iterator[bytes]:
        """Read a kept text whole."""
        return iter([self.read(model, commit, path)])

    def list_models(
        self, *, author: str | None = None, base: str | None = None, limit: int | None = None
    ) -> Iterator[str]:
        """Refuse: the store does not know which models the Hub has."""
        raise self._not_here(author or base or self.name, "a list of models")

    def close(self) -> None:
        """Leave the store open: the session closes it."""

    def _partial(self, model: str) -> str | None:
        """Return why files may be missing from the record: it was read from the Hub's local cache."""
        key = self.key(model)
        with self._store.reading() as view:
            node = view.nodes("Model", [key]).get(key) or {}
        if node.get("history_source") != "cache":
            return None
        return "it was read from the Hub's local cache, which holds only the files that were downloaded"

    def _tree(self, model: str, commit: str) -> tuple[FileEntry, ...]:
        """Find the files of a commit: stored for heads and the ends of pushes, computed for other commits on a line."""
        if (model, commit) not in self._files:
            key = self.key(model)
            with self._store.reading() as view:
                files = _contained(view, revision_key(key, commit)) or _replayed(view, key, commit)
            if files is None:
                raise self._not_here(f"{model}@{commit}", "the list of its files")
            self._files[model, commit] = files
        return self._files[model, commit]

    def _kept(self, files: tuple[FileEntry, ...], path: str, unreadable: dict[str, str]) -> bytes | None:
        """Return a small text of a commit, or note why it is missing."""
        entry = next((entry for entry in files if entry.path == path), None)
        data = self._text(entry) if entry else None
        if entry and data is None:
            unreadable[path] = "its text is not in the store, and the Hub is not asked, because of --offline"
        return data

    def _text(self, entry: FileEntry) -> bytes | None:
        """Return a stored text; None if it is shorter than the file: older versions stored a part of long texts."""
        with self._store.reading() as view:
            data = view.attachment("text", entry.identity) if entry.identity else None
        return None if data is not None and entry.size not in (None, len(data)) else data

    def _not_here(self, where: str, what: str) -> HubUnreachableError:
        return HubUnreachableError(
            f"{where}: {what} is not in the store, and {self.name} is not asked, because of --offline",
            hint="remove --offline",
        )


def _default(view: StoreView, key: str, head: str) -> NamedCommit:
    """Find the default branch as it was recorded, or else the commit that was read."""
    ref = next((ref for ref in recorded_refs(view, key) if ref.is_default), None)
    return NamedCommit(ref.target, ref.name) if ref else NamedCommit(head)


def _contained(view: StoreView, revision: str) -> tuple[FileEntry, ...] | None:
    """Rebuild the files of a revision from the graph; None where its tree was not kept."""
    edges = sorted(view.edges("CONTAINS", [revision], "out"), key=lambda edge: edge.name)
    nodes = view.nodes("File", {edge.target for edge in edges})
    return tuple(_entry(edge, nodes.get(edge.target, {})) for edge in edges) or None


def _entry(edge: EdgeRow, node: dict[str, Any]) -> FileEntry:
    kind, _, value = edge.target.partition(":")
    return FileEntry(
        path=edge.name,
        sha256=value if kind == "sha256" else None,
        blob_id=value if kind == "gitblob" else node.get("alias"),
        size=node.get("size"),
        xet_hash=edge.properties.get("xet_hash"),
    )


def _replayed(view: StoreView, key: str, commit: str) -> tuple[FileEntry, ...] | None:
    """Compute the files of a commit from the changes of the recorded line that contains it."""
    history = recorded_history(view, key)
    for ref in sorted(history.refs, key=lambda ref: ref.kind != "branch") if history else ():
        if history and ref.kind != "tag":
            line = first_parent_line(history, ref.name, ref.target)
            for tree in trees_of_line(line, key, {commit}):
                return tree.entries
    return None
