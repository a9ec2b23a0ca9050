"""What every question needs: the Hub, the store and the progress listener."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import lineage
from lineage.progress import SILENT, Progress
from lineage.settings.environment import Settings

if TYPE_CHECKING:
    from lineage.collect.turns import Turns
    from lineage.hub.interface import Hub
    from lineage.settings.project_file import Project
    from lineage.store.interface import GraphStore
    from lineage_schemas.answers.answer import UsedSettings

Opened = TypeVar("Opened", bound="Hub | GraphStore | Session")


class Session:
    """Open the Hub and the store when a question first needs them, and close them at the end.

    `hub_selector` is None for the Hub itself, `cache` for its local cache, or the path of a directory Hub.
    `store_url` is a URL or a bare path; None takes the settings'. Both are opened lazily: a question that the
    store can answer costs no Hub client. `project` holds the settings of a project file; a session does not look for
    one, `lineage.answers.project.read_project` does.
    """

    def __init__(
        self,
        *,
        hub_selector: str | None = None,
        store_url: str | None = None,
        offline: bool = False,
        progress: Progress = SILENT,
        settings: Settings | None = None,
        project: Project | None = None,
    ) -> None:
        self.settings = settings or Settings.from_environment()
        self.hub_selector = hub_selector
        self.store_url = store_url or self.settings.store
        self.offline = offline or self.settings.offline
        self.progress = progress
        self.project = project
        self._opened: list[Hub | GraphStore | Session] = []
        self._store_of: Session | None = None

    @cached_property
    def hub(self) -> Hub:
        """Open the Hub that the user chose."""
        from lineage.hub.open import open_hub

        return self.keep(open_hub(self.hub_selector, self.settings, offline=self.offline, progress=self.progress))

    @cached_property
    def store(self) -> GraphStore:
        """Open the store, and create it if it does not exist."""
        if self._store_of is not None:
            return self._store_of.store
        from lineage.store.open import open_store

        return self.keep(open_store(self.store_url, progress=self.progress))

    @cached_property
    def turns(self) -> Turns:
        """Order the models that are read at the same time into the session's store."""
        if self._store_of is not None:
            return self._store_of.turns
        from lineage.collect.turns import Turns

        return Turns()

    def open_for_threads(self) -> None:
        """Open the Hub and the store before threads use them: each is opened once."""
        assert self.hub
        assert self.store
        assert self.turns

    def at_hub(self, selector: str | None) -> Session:
        """Make a session on another Hub that shares everything else, also the store; it is closed with this one."""
        other = Session(
            hub_selector=selector, store_url=self.store_url, offline=self.offline, progress=self.progress,
            settings=self.settings, project=self.project,
        )  # fmt: skip
        other._store_of = self
        return self.keep(other)

    def folder(self, path: Path, *, on_disk: bool = False) -> tuple[Hub, str]:
        """Open a local model folder as a Hub of one model; return the Hub and the model's id on it.

        A work tree means its HEAD commit, with `on_disk` the files that are checked out.
        """
        from lineage.hub.local.folder import open_folder

        hub = open_folder(path, self.settings, on_disk=on_disk, progress=self.progress)
        return self.keep(hub), hub.model

    def files_on_disk(self, path: Path) -> tuple[Hub, str]:
        """Open a local model folder by the files that are on disk."""
        return self.folder(path, on_disk=True)

    def keep(self, opened: Opened) -> Opened:
        """Close `opened` together with the session."""
        self._opened.append(opened)
        return opened

    def header(
        self,
        schema_id: str,
        collected_at: datetime | None,
        *,
        hub: str | EllipsisType | None = ...,
        settings: UsedSettings | None = None,
    ) -> dict[str, Any]:
        """Make the fields that every answer begins with; `hub` replaces the name of the session's Hub.

        None is for an answer about a store or a single file: then no Hub is opened for its name. `settings` is what
        the answer took from the project file.
        """
        return {
            "schema": schema_id,
            "tool": {"version": lineage.__version__},
            "hub": self.hub.name if hub is ... else hub,
            "collected_at": collected_at,
            "hub_asked": hub is not ... or self._has_asked(),
            "settings": settings,
        }

    def _has_asked(self) -> bool:
        """Return whether the session's Hub was sent a request; a folder as Hub is read without any."""
        cost = self.hub.cost()
        return self.hub.is_local or bool(cost.requests or cost.failed)

    def close(self) -> None:
        """Close what was opened, the last first."""
        while self._opened:
            self._opened.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
