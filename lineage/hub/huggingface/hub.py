"""The Hugging Face Hub through its own client, with history through git."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lineage.errors import HubAnswerError, HubError, HubUnreachableError, InputError
from lineage.hub.git.texts import without_surrogates
from lineage.hub.huggingface import listing
from lineage.hub.huggingface.retry import RetryPolicy
from lineage.hub.interface import Hub, PresentRefs, Range, SecurityScan, check_ranges
from lineage.hub.revisions import is_default, is_full_id, may_be_id, meaning_of
from lineage.progress import SILENT, Progress
from lineage.settings.environment import Settings
from lineage_schemas.cost import Cost
from lineage_schemas.history import History
from lineage_schemas.history_ref import HistoryRef
from lineage_schemas.snapshot import ResolvedRevision, Snapshot

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

    from lineage.hub.huggingface.connection import Connection
    from lineage.hub.huggingface.copies import GitCopies
    from lineage.hub.huggingface.files import RemoteFiles

KEPT_PAGES = 64
"""Pages that are kept between resolve and snapshot: what is only resolved must not pile up over a long run."""


class HuggingFaceHub(Hub):
    """Read models from huggingface.co, or from the endpoint that HF_ENDPOINT names.

    Metadata of a model cost five requests: its page, its refs, its tree (one more for each further thousand files),
    README.md and config.json. The Hub client's download cache is not used, because it returns old files when
    the Hub is busy. Opening needs no request: the client is imported at the first use of the network.

    The token is the client's own (HF_TOKEN, `hf auth login`); it is sent to the endpoint only. Safe to use from several
    threads.
    """

    is_local = False

    def __init__(
        self,
        settings: Settings,
        *,
        offline: bool = False,
        progress: Progress = SILENT,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.name = _host(settings.endpoint)
        self.offline = offline
        self._settings = settings
        self._progress = progress
        self._policy = policy or RetryPolicy()
        self._pages: dict[tuple[str, str], ModelInfo] = {}
        self._canonical: set[str] = set()
        self._refs: dict[str, tuple[HistoryRef, ...]] = {}
        self._opening = RLock()

    @cached_property
    def _connection(self) -> Connection:
        # Read by the client when it is imported: with telemetry it would name the user's other libraries.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from lineage.hub.huggingface.connection import Connection

        return Connection(self._settings.endpoint, policy=self._policy, progress=self._progress)

    @cached_property
    def _copies(self) -> GitCopies:
        from lineage.hub.huggingface.copies import GitCopies

        folder = self._settings.cache / "git" / self.name
        return GitCopies(folder, self._settings.endpoint, policy=self._policy, progress=self._progress)

    @cached_property
    def _files(self) -> RemoteFiles:
        from lineage.hub.huggingface.files import RemoteFiles

        return RemoteFiles(self._connection)

    def resolve(self, model: str, revision: str | None = None) -> ResolvedRevision:
        """Find canonical id and commit by the model's page, and a branch or tag by its refs first.

        A renamed model and a bare legacy name are redirected by the Hub; `model` of the answer is the name to keep.
        Without a revision `ref` stays None: the page names the default branch's commit and not the branch. The first
        digits of a commit are looked up in the history, because only the history shows whether they are ambiguous.
        """
        self._need_network(model)
        if revision is None or is_default(revision):
            return _resolved(self._page(model, None), model)
        if is_full_id(revision):
            return _resolved(self._page_at(model, revision.lower()), model)
        with_requests = revision.startswith("refs/")  # only the full name of a pull request's ref means it
        name, refs = listing.refs_and_name(self._connection, model, pull_requests=with_requests)
        if not with_requests:
            self._refs[name] = refs
        meaning = meaning_of(revision, refs, ())
        if may_be_id(revision) and not any(found.ref for found in meaning.named):
            meaning = meaning_of(revision, refs, [commit.id for commit in self.history(model).commits])
        commit, ref = meaning.require(model)
        return _resolved(self._page_at(model, commit), model, ref)

    def _page(self, model: str, revision: str | None) -> ModelInfo:
        """Request a model's page, and keep it for the snapshot of the same commit."""
        info = listing.model_info(self._connection, model, revision)
        with self._opening:
            self._pages[info.id, str(info.sha)] = info
            if len(self._pages) > KEPT_PAGES:
                del self._pages[next(iter(self._pages))]
            self._canonical.add(info.id)
        return info

    def _page_at(self, model: str, commit: str) -> ModelInfo:
        """Request a model's page at a commit. Raises HubAnswerError if the Hub answers with another commit."""
        info = self._page(model, commit)
        if info.sha != commit:
            raise HubAnswerError(f"{model}: the Hub answered {info.sha} for the commit {commit}", model=model)
        return info

    def refs(self, model: str) -> PresentRefs:
        """Request branches and tags: one request, and one more if the Hub redirects a former name.

        The refs are kept: if they show something new, the snapshot does not request them again.
        """
        self._need_network(model)
        name, refs = listing.refs_and_name(self._connection, model)
        self._refs[name] = refs
        return PresentRefs(name, refs)

    def snapshot(self, resolved: ResolvedRevision) -> Snapshot:
        """List files by the tree; read README.md and config.json at the commit, checked against their blob ids."""
        self._need_network(resolved.model)
        from lineage.hub.huggingface.snapshot import read_snapshot

        info = self._pages.pop((resolved.model, resolved.commit), None) or listing.model_info(
            self._connection, resolved.model, resolved.commit
        )
        refs = self._refs.pop(resolved.model, None)
        if refs is None:
            refs = listing.list_refs(self._connection, resolved.model, pull_requests=False)
        return read_snapshot(self._connection, self._files, self._copies, info, resolved.commit, refs)

    def paths(self, resolved: ResolvedRevision) -> tuple[str, ...]:
        """List the paths that the model's page shows; no request where `resolve` has just read it."""
        self._need_network(resolved.model)
        info = self._pages.get((resolved.model, resolved.commit)) or self._page(resolved.model, resolved.commit)
        return tuple(without_surrogates(sibling.rfilename) for sibling in info.siblings or ())

    def history(self, model: str, *, pull_requests: bool = False, known: History | None = None) -> History:
        """Read every commit by one git fetch: three requests, two where nothing is new.

        If git cannot be used (not installed, not supported by the endpoint, refused for a gated model), the history is
        read from the API, with one request for each commit that is not in `known`.
        """
        self._need_network(model)
        self._connection.outage.check()
        name = model if model in self._canonical else self._page(model, None).id
        try:
            return self._copies.history(name, pull_requests=pull_requests, token=self._connection.token())
        except HubError as error:
            self._progress.note(
                f"no history by git ({error.message}); reading it from the API takes one request per commit"
            )
        from lineage.hub.huggingface.api_history import read_history

        info = self._page(name, None)
        refs = listing.list_refs(self._connection, name, pull_requests=pull_requests)
        return read_history(self._connection, name, str(info.sha), refs, known, self._progress)

    def read(self, model: str, commit: str, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Read bytes of one file: small ones from the git copy if it is here, all others by range from the Hub.

        Downloads are checked against the size and hash that the Hub announces, and resumed if the connection breaks.
        """
        if start < 0 or (length is not None and length < 0):
            raise ValueError("the start and the length of a range must be 0 or more")
        content = self._copies.small_file(model, commit, path)
        if content is not None:
            return content[start : None if length is None else start + length]
        return b"".join(self._chunks(model, commit, path, start, length))

    def read_text_here(self, model: str, commit: str, path: str, size: int | None = None) -> bytes:
        """Read a text from the git copy of the history, which holds small files of all revisions."""
        content = self._copies.small_file(model, commit, path)
        if content is None:
            raise HubUnreachableError(
                f"{model}@{commit[:12]}: {path} is not in the git copy of the history, and is not requested for this",
                model=model,
            )
        return content

    def read_ranges(self, model: str, commit: str, path: str, ranges: Sequence[Range]) -> list[bytes]:
        """Read parts of one file, several at a time: one request to the Hub, then one to its storage for each part.

        Of a file that the Hub keeps in git, the parts after the first come by one more request, with the bytes between
        them. `cost` counts each part that was requested in `ranges`.
        """
        check_ranges(ranges)
        content = self._copies.small_file(model, commit, path)
        if content is not None:
            return [content[start : start + length] for start, length in ranges]
        self._need_network(model)
        from lineage.hub.huggingface.files import Place

        return self._files.ranges(Place(model, commit, path), ranges)

    def stream(self, model: str, commit: str, path: str) -> Iterator[bytes]:
        """Read a whole file in chunks; after a broken connection, continue from the last byte."""
        content = self._copies.small_file(model, commit, path)
        return iter([content]) if content is not None else self._chunks(model, commit, path, 0, None)

    def _chunks(self, model: str, commit: str, path: str, start: int, length: int | None) -> Iterator[bytes]:
        self._need_network(model)
        from lineage.hub.huggingface.files import Place

        return self._files.chunks(Place(model, commit, path), start, length)

    def list_models(
        self, *, author: str | None = None, base: str | None = None, limit: int | None = None
    ) -> Iterator[str]:
        """List ids as the Hub orders them; children are those with the Hub's `base_model:` tag."""
        self._need_network(author or base or self.name)
        tag = f"base_model:{base}" if base else None
        infos = self._connection.pages(
            lambda: self._connection.api.list_models(filter=tag, author=author, limit=limit), author or base
        )
        return (info.id for info in infos)

    def security_scan(self, model: str, commit: str) -> SecurityScan | None:
        """Request the status of the Hub's scans of a model at a commit."""
        self._need_network(model)
        from lineage.hub.huggingface import trust

        return trust.security_scan(self._connection, model, commit)

    def is_verified(self, publisher: str) -> bool | None:
        """Request the overview of an organisation."""
        self._need_network(publisher)
        from lineage.hub.huggingface import trust

        return trust.is_verified(self._connection, publisher)

    def cost(self) -> Cost:
        """Count requests that the endpoint answered, with redirects, tries that failed, and bytes of files.

        Requests to the storage of large files count in `ranges` only, nor do the two or three requests count that git
        sends for a history: git does not report them.
        """
        if "_connection" not in self.__dict__:
            return Cost(local=False)
        read, ranges = (self._files.bytes_read, self._files.ranges_read) if "_files" in self.__dict__ else (0, 0)
        requests, failed = self._connection.requests, self._connection.failed
        return Cost(requests=requests, bytes_read=read, local=False, failed=failed, ranges=ranges)

    def close(self) -> None:
        """Close the sockets, and end git's processes."""
        copies = self.__dict__.pop("_copies", None)
        if copies is not None:
            copies.close()
        connection = self.__dict__.pop("_connection", None)
        if connection is not None:
            connection.close()

    def _need_network(self, what: str) -> None:
        if self.offline:
            raise HubUnreachableError(
                f"{what}: {self.name} is not asked, because of --offline", model=what, hint="remove --offline"
            )
        with self._opening:  # once for all threads: from Python 3.12 on, `cached_property` itself has no lock
            assert self._connection
            assert self._files
            assert self._copies


def _host(endpoint: str) -> str:
    """Return the host of an endpoint, which names the Hub; raises InputError if it is not a URL."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        parts = urlsplit("")
    host = parts.netloc.rpartition("@")[2].lower()
    if parts.scheme not in ("http", "https") or not host:
        raise InputError("HF_ENDPOINT is not the URL of a Hub", hint="set it to https://HOST, or unset it")
    return host


def _resolved(info: ModelInfo, asked: str, ref: str | None = None) -> ResolvedRevision:
    assert info.sha is not None  # listing.model_info refuses answers without
    return ResolvedRevision(model=info.id, commit=info.sha, asked=asked, ref=ref, created=info.created_at)
