"""Bare git copies of the Hub's repositories: whole histories in one fetch, small files without a request."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from lineage.errors import HubError, HubUnreachableError, NoAnswerError
from lineage.hub.git.history import open_objects, read_history
from lineage.hub.git.objects import GitObjects
from lineage.hub.git.program import fetch_repository
from lineage.hub.huggingface.retry import RetryPolicy, TransientError, retry
from lineage.hub.interface import MAX_TEXT_BYTES
from lineage.hub.lfs import MAX_POINTER_BYTES, parse_pointer
from lineage.progress import Progress
from lineage.redaction import keep_secret
from lineage_schemas.history import History

MAX_OPEN = 20
"""Copies that are kept open at a time, more than models are read at a time: each needs two git processes."""

GIT_TRIES = 3
"""Fewer tries than for a request: git reports no waiting times, and the API can be used instead."""


class GitCopies:
    """Keep bare partial copies of repositories in a folder that may be deleted at any time.

    A copy holds every commit and tree, and every blob up to 64 kB: LFS pointers, most cards and configs. Safe to use
    from several threads and processes.
    """

    def __init__(self, folder: Path, endpoint: str, *, policy: RetryPolicy, progress: Progress) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._policy = replace(policy, tries=min(GIT_TRIES, policy.tries))
        self._progress = progress
        self._open: OrderedDict[str, GitObjects] = OrderedDict()
        self._lock = threading.Lock()

    def history(self, model: str, *, pull_requests: bool, token: str | None) -> History:
        """Bring the copy up to date and read the whole history from it.

        Three HTTP requests the first time, two if nothing is new. `token` is passed to git in its environment.
        Raises HubError of any kind if the Hub does not support git, git is not installed, or the folder cannot be used.
        """
        copy = self._folder / f"{model}.git"
        login = base64.b64encode(f"user:{token}".encode()).decode() if token else None
        keep_secret(login)
        authorization = f"Basic {login}" if login else None

        def fetch() -> History:
            try:
                source = fetch_repository(
                    f"{self._endpoint}/{model}",
                    copy,
                    model=model,
                    pull_requests=pull_requests,
                    authorization=authorization,
                    progress=self._progress,
                )
            except HubUnreachableError as error:
                raise TransientError(error.message) from error
            return read_history(copy, model, source=source, pull_requests=pull_requests)

        try:
            with self._progress.task(f"history of {model}"):
                return retry(fetch, self._policy, self._progress, model)
        except TransientError as fault:
            raise NoAnswerError(fault.reason, model=model) from fault

    def small_file(self, model: str, commit: str, path: str) -> bytes | None:
        """Read a file that git keeps, if its copy is here and holds it; None for everything else, LFS too."""
        return None if "\n" in path else self._small(model, f"{commit}:{path}")

    def blob(self, model: str, blob_id: str) -> bytes | None:
        """Read a blob by its id under the same conditions."""
        return self._small(model, blob_id)

    def _small(self, model: str, name: str) -> bytes | None:
        try:
            objects = self._objects(model)
            info = objects.infos([name])[0] if objects else None
            if objects is None or info is None or info.kind != "blob" or info.size > MAX_TEXT_BYTES:
                return None
            content = objects.contents([info.id])[0]
        except HubError:
            return None  # git cannot be used: the caller requests the file from the Hub
        if content is None or (len(content) <= MAX_POINTER_BYTES and parse_pointer(content)):
            return None
        return content

    def _objects(self, model: str) -> GitObjects | None:
        """Open the copy of a model, and close the one that was not used for longest."""
        copy = self._folder / f"{model}.git"
        with self._lock:
            if model not in self._open:
                if not (copy / "objects").is_dir():
                    return None
                self._open[model] = open_objects(copy, model)
            self._open.move_to_end(model)
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)[1].close()
            return self._open[model]

    def close(self) -> None:
        """End git's processes."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()
