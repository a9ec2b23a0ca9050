"""A real local Hub: API, ranged resolve with a redirect to a second origin, and smart-HTTP git, over real sockets.

Everything that it says comes out of real bare git repositories; LFS bodies come out of `lfs/objects/ab/cd/SHA256`.
Every request is logged, ranges are counted, and faults can be switched on by path.
"""

from __future__ import annotations

import base64
import json
import math
import re
import threading
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote, urlencode

from lineage.settings.environment import Settings
from tests.support.bare_repository import bare_from_bundle, bare_from_folder
from tests.support.git_http import git_answer
from tests.support.hub_faults import Answer, Asked, Fault, SwitchedFault
from tests.support.hub_repository import ServedRepository, tree_entry
from tests.support.listener import Listener

KINDS = {".git", ".bundle"}
ORGANISATION = re.compile(r"/api/organizations/([^/]+)/overview")
ACTIONS = {"revision", "tree", "commits", "refs", "paths-info"}


class HubServer:
    """Serve repositories on one port and their LFS objects, as a CDN would, on another.

    `git` False refuses smart HTTP (an endpoint without git), `filters` False refuses partial clones. `token` is the
    one that opens gated and hidden repositories. `detour` sends files kept in git over a redirect on the same
    origin, as the Hub does. `quota` maps a bucket to its requests in a window of `window` seconds of `clock`.
    `organisations` maps organisations to whether they are verified. `most_at_once` is how many requests were being
    answered at one moment.
    """

    def __init__(self) -> None:
        self.git = True
        self.filters = True
        self.detour = False
        self.token = "hf_token_of_the_tests"
        self.page_size = 1000
        self.commits_page = 50
        self.list_page = 100
        self.quota: dict[str, int] = {}
        self.window = 300
        self.clock: Callable[[], float] = time.monotonic
        self._windows: dict[str, tuple[int, float]] = {}
        self.repositories: dict[str, ServedRepository] = {}
        self.aliases: dict[str, str] = {}
        self.organisations: dict[str, bool] = {}
        self.log: list[Asked] = []
        self.most_at_once = 0
        self._in_flight = 0
        self._faults: list[SwitchedFault] = []
        self._signature = 0
        self._lock = threading.Lock()
        self._hub = Listener("hub", lambda asked: self.answer(asked, self._answer_hub))
        self._storage = Listener("storage", lambda asked: self.answer(asked, self._answer_storage))
        self.endpoint = self._hub.url
        self.storage = self._storage.url

    def add(
        self,
        model: str,
        git_dir: Path,
        *,
        lfs: Path | None = None,
        gated: str | bool = False,
        hidden: bool = False,
        **extra: Any,
    ) -> ServedRepository:
        """Serve a bare repository as a model; `extra` is laid over the model's info."""
        objects = lfs or git_dir / "lfs" / "objects"
        self.repositories[model] = ServedRepository(model, git_dir, objects, gated, hidden, extra)
        return self.repositories[model]

    def fill(self, folder: Path, work: Path) -> None:
        """Serve a directory Hub: `org/name.git`, `org/name.bundle` and plain folders `org/name`, `aliases.json`.

        Bundles and folders are made into bare repositories in `work`, weight files into LFS objects.
        """
        for found in sorted([*folder.glob("*"), *folder.glob("*/*")]):
            model = found.relative_to(folder).as_posix().removesuffix(found.suffix if found.suffix in KINDS else "")
            git_dir = work / f"{model}.git"
            if found.suffix == ".git":
                self.add(model, found)
            elif found.suffix == ".bundle":
                self.add(model, bare_from_bundle(found, git_dir), lfs=found.with_suffix(".lfs"))
            elif (found / "config.json").is_file() or (found / "README.md").is_file():
                self.add(model, bare_from_folder(found, git_dir).git_dir)
        if (folder / "aliases.json").is_file():
            self.aliases |= json.loads((folder / "aliases.json").read_text())

    def rename(self, old: str, new: str) -> None:
        """Move a model to another name; the old one redirects, as on the Hub."""
        repository = self.repositories.pop(old)
        repository.model = new
        self.repositories[new] = repository
        self.aliases[old] = new

    def fault(self, pattern: str, fault: Fault, *, times: int | None = None, method: str | None = None) -> None:
        """Switch a fault on for paths like `pattern` (as sent, percent-encoded; `*` matches slashes too)."""
        self._faults.append(SwitchedFault(pattern, fault, times, method))

    def mend(self) -> None:
        """Switch all faults off."""
        self._faults.clear()

    def expire_links(self) -> None:
        """Let every storage URL handed out so far answer 403 from now on."""
        self._signature += 1

    def asked(self, pattern: str = "*", *, server: str = "hub", method: str | None = None) -> list[Asked]:
        """List the requests that came in for paths like `pattern`."""
        return [
            asked
            for asked in self.log
            if asked.server == server and fnmatchcase(asked.path, pattern) and method in (None, asked.method)
        ]

    def ranges(self, pattern: str = "*") -> list[tuple[int, int]]:
        """List start and length of each range that was answered with bytes, of both origins, in order of arrival.

        Files in LFS have the path of their object: `/SHA256`.
        """
        found = []
        for asked in self.log:
            wanted = asked.headers.get("range", "").removeprefix("bytes=")
            if asked.status == 206 and wanted and fnmatchcase(asked.path, pattern):
                found.append((int(wanted.partition("-")[0]), asked.sent))
        return found

    def settings(self, folder: Path) -> Settings:
        """Make settings that point at this Hub and keep every cache in `folder`."""
        return Settings.from_environment(
            {
                "HF_ENDPOINT": self.endpoint,
                "HF_HOME": str(folder / "hf"),
                "LINEAGE_CACHE": str(folder / "cache"),
                "LINEAGE_STORE": str(folder / "lineage.db"),
            }
        )

    def close(self) -> None:
        """Stop serving and wait for every thread."""
        self._hub.close()
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, asked: Asked, truth: Callable[[Asked], Answer]) -> Answer:
        """Log a request and answer it, struck by the first fault that is switched on for it."""
        with self._lock:
            self.log.append(asked)
            self._in_flight += 1
            self.most_at_once = max(self.most_at_once, self._in_flight)
            fault = next((switched.fault for switched in self._faults if switched.strikes(asked)), None)
            spent = self._spend(asked) if asked.server == "hub" else {}
        try:
            if spent.get("X-Spent"):
                return Answer(429, b"{}", spent)
            answer = fault(asked, truth) if fault else truth(asked)
        finally:
            with self._lock:
                self._in_flight -= 1
        answer.headers = spent | answer.headers
        return answer

    def _spend(self, asked: Asked) -> dict[str, str]:
        """Take one request from its bucket; the headers tell what remains in a window that ends by `clock`."""
        bucket = "api" if asked.path.startswith("/api/") else "resolvers" if "/resolve/" in asked.path else "pages"
        if bucket not in self.quota:
            return {}
        remaining, end = self._windows.get(bucket, (0, 0.0))
        if self.clock() >= end:
            remaining, end = self.quota[bucket], self.clock() + self.window
        self._windows[bucket] = (max(0, remaining - 1), end)
        headers = {
            "RateLimit": f'"{bucket}";r={self._windows[bucket][0]};t={math.ceil(end - self.clock())}',
            "RateLimit-Policy": f'"fixed window";"{bucket}";q={self.quota[bucket]};w={self.window}',
        }
        return headers | ({} if remaining else {"X-Spent": "1"})

    def _answer_hub(self, asked: Asked) -> Answer:
        if asked.path == "/api/models":
            return self._list(asked)
        if (found := ORGANISATION.fullmatch(asked.path)) is not None:
            known = self.organisations.get(found[1])  # accounts of people have no overview
            return _error(404, None, "none") if known is None else _json({"name": found[1], "isVerified": known})
        model, action, rest = _route(asked.path)
        if (canonical := self.aliases.get(model) or self._other_case(model)) is not None:
            start = "/api/models/" if asked.path.startswith("/api/models/") else "/"
            after = asked.path[len(start + model) :]
            return Answer(307, b"", {"Location": f"{start}{canonical}{after}{_query(asked)}"})
        repository = self.repositories.get(model)
        credentials = self._credentials(asked)
        if credentials == "wrong":
            return _error(401, None, "Invalid credentials in Authorization header")
        if repository is None or (repository.hidden and credentials != "right"):
            return _error(404 if credentials == "right" else 401, "RepoNotFound", "Repository not found")
        if repository.gated and credentials != "right" and action in ("resolve", "info/refs", "git-upload-pack"):
            return _error(401, "GatedRepo", f"Access to model {model} is restricted", commit=repository.commit(None))
        if action in ("info/refs", "git-upload-pack"):
            if not self.git:
                return _error(404, None, "no git here")
            return git_answer(asked, repository.git_dir, action, allow_filter=self.filters)
        if action == "refs":
            return _json(self._refs(repository, asked))
        return self._answer_at_revision(asked, repository, action, rest)

    def _other_case(self, model: str) -> str | None:
        """Find the id that differs from a name in case only: the Hub redirects to it."""
        if model in self.repositories:
            return None
        return next((known for known in self.repositories if known.lower() == model.lower()), None)

    def _answer_at_revision(self, asked: Asked, repository: ServedRepository, action: str, rest: list[str]) -> Answer:
        """Answer what is asked at a branch, tag or commit."""
        commit = repository.commit(unquote(rest[0]) if rest else None)
        if commit is None:
            return _error(404, "RevisionNotFound", f"Invalid rev id: {unquote(rest[0])}")
        path = unquote("/".join(rest[1:]))
        if action in ("", "revision"):
            return _json(repository.info(commit, blobs=asked.query.get("blobs") == ["true"]))
        if action == "tree":
            return self._tree(asked, repository, commit, path)
        if action == "commits":
            return self._page(asked, repository.commits(commit), self.commits_page, "p")
        if action == "paths-info":
            wanted = parse_qs(asked.body.decode())["paths"]
            entries = [tree_entry(entry) for entry in repository.tree(commit) if entry.path in wanted]
            return _json(entries)
        if action == "resolve":
            return self._resolve(asked, repository, commit, path)
        return _error(404, None, "no such route")

    def _list(self, asked: Asked) -> Answer:
        """Answer the list of models, filtered by tags and author."""
        wanted = set(asked.query.get("filter", []))
        author = asked.query.get("author", [None])[0]
        found = []
        for model, repository in sorted(self.repositories.items()):
            head = repository.commit(None)
            if head is None or repository.hidden or (author and model.split("/")[0] != author):
                continue
            info = repository.info(head, blobs=False)
            if wanted <= set(info["tags"]):
                found.append({name: info[name] for name in ("_id", "id", "tags", "downloads", "likes", "createdAt")})
        page = min(int(asked.query.get("limit", [self.list_page])[0]), self.list_page)
        return self._page(asked, found, page, "cursor")

    def _refs(self, repository: ServedRepository, asked: Asked) -> dict[str, Any]:
        """Answer the refs by kind."""
        kinds = {
            "refs/heads/": "branches",
            "refs/tags/": "tags",
            "refs/convert/": "converts",
            "refs/pr/": "pullRequests",
        }
        answer: dict[str, list[dict[str, str]]] = {kind: [] for kind in kinds.values()}
        for name, target in repository.refs().items():
            for prefix, kind in kinds.items():
                if name.startswith(prefix):
                    answer[kind].append({"name": name.removeprefix(prefix), "ref": name, "targetCommit": target})
        if "include_prs" not in asked.query:
            del answer["pullRequests"]
        return answer

    def _tree(self, asked: Asked, repository: ServedRepository, commit: str, folder: str) -> Answer:
        """Answer the files below a folder, and its folders where it is not asked for recursively."""
        below = f"{folder}/" if folder else ""
        entries = [entry for entry in repository.tree(commit) if entry.path.startswith(below)]
        answer = [tree_entry(entry) for entry in entries]
        if asked.query.get("recursive") != ["true"]:
            folders = {
                entry.path.removeprefix(below).split("/")[0] for entry in entries if "/" in entry.path[len(below) :]
            }
            answer = [entry for entry in answer if "/" not in entry["path"][len(below) :]]
            answer += [
                {"type": "directory", "oid": "0" * 40, "size": 0, "path": below + name} for name in sorted(folders)
            ]
        return self._page(asked, answer, self.page_size, "cursor")

    def _page(self, asked: Asked, items: list[Any], size: int, parameter: str) -> Answer:
        """Answer one page with an absolute Link to the next."""
        number = int(asked.query.get(parameter, ["0"])[0])
        answer = _json(items[number * size : (number + 1) * size])
        if (number + 1) * size < len(items):
            following = _query(asked, {parameter: [str(number + 1)]})
            answer.headers["Link"] = f'<{self.endpoint}{asked.path}{following}>; rel="next"'
        answer.headers["X-Total-Count"] = str(len(items))
        return answer

    def _resolve(self, asked: Asked, repository: ServedRepository, commit: str, path: str) -> Answer:
        """Answer a file: git's own from here, those in LFS from the storage origin."""
        entry = repository.file(commit, path)
        if entry is None:
            return _error(404, "EntryNotFound", "Entry not found", commit=commit)
        etag = f'"{entry.sha256 or entry.oid}"'
        if entry.sha256:
            location = f"{self.storage}/{entry.sha256}?signature={self._signature}"
            headers = {"X-Linked-Etag": etag, "X-Linked-Size": str(entry.size), "Location": location}
            return Answer(302, b"", headers | {"X-Repo-Commit": commit})
        headers = {"ETag": etag, "X-Repo-Commit": commit}
        if self.detour and not asked.path.startswith("/api/resolve-cache/"):
            location = f"/api/resolve-cache/models/{repository.model}/{commit}/{quote(path)}"
            return Answer(307, b"", headers | {"X-Linked-Size": str(entry.size), "Location": location})
        return _ranged(asked, repository.blob(entry.oid), headers)

    def _answer_storage(self, asked: Asked) -> Answer:
        """Answer an LFS object from the bytes on disk, as long as the URL's signature is the newest."""
        sha256 = asked.path.strip("/")
        if asked.query.get("signature") != [str(self._signature)]:
            return Answer(403, b"<Error>Request has expired</Error>", {"Content-Type": "application/xml"})
        for repository in self.repositories.values():
            for file in (repository.lfs / sha256[:2] / sha256[2:4] / sha256, repository.lfs / sha256):
                if file.is_file():
                    return _ranged(asked, file, {"ETag": f'"{sha256}"'})
        return Answer(404, b"<Error>NoSuchKey</Error>", {"Content-Type": "application/xml"})

    def _credentials(self, asked: Asked) -> str:
        """Judge the Authorization header: none, right or wrong."""
        given = asked.headers.get("authorization")
        if given is None:
            return "none"
        if given.startswith("Basic "):
            given = "Bearer " + base64.b64decode(given[6:]).decode().split(":", 1)[1]
        return "right" if given == f"Bearer {self.token}" else "wrong"


def _route(path: str) -> tuple[str, str, list[str]]:
    """Take a path apart into model, action and the rest, still percent-encoded; bare legacy names have no owner."""
    if path.startswith("/api/resolve-cache/models/"):
        owner, name, *rest = path.removeprefix("/api/resolve-cache/models/").split("/")
        return f"{owner}/{name}", "resolve", rest
    if path.startswith("/api/models/"):
        parts = path.removeprefix("/api/models/").split("/")
        bare = len(parts) == 1 or parts[1] in ACTIONS
        model, rest = ("/".join(parts[:1]), parts[1:]) if bare else ("/".join(parts[:2]), parts[2:])
        return model, rest[0] if rest else "", rest[1:]
    if "/resolve/" in path:
        model, rest_path = path[1:].split("/resolve/", 1)
        return model, "resolve", rest_path.split("/")
    for action in ("info/refs", "git-upload-pack"):
        if path.endswith(f"/{action}"):
            return path[1:].removesuffix(f"/{action}").removesuffix(".git"), action, []
    return path[1:], "page", []


def _query(asked: Asked, changed: dict[str, list[str]] | None = None) -> str:
    """Write the query of a request again, with some parameters changed."""
    query = asked.query | (changed or {})
    return f"?{urlencode(query, doseq=True)}" if query else ""


def _json(value: object) -> Answer:
    return Answer(200, json.dumps(value, default=str).encode(), {"Content-Type": "application/json; charset=utf-8"})


def _error(status: int, code: str | None, message: str, commit: str | None = None) -> Answer:
    headers = {"X-Error-Message": message, "Content-Type": "application/json; charset=utf-8"}
    headers |= {"X-Error-Code": code} if code else {}
    headers |= {"X-Repo-Commit": commit} if commit else {}
    return Answer(status, json.dumps({"error": message}).encode(), headers)


def _ranged(asked: Asked, content: bytes | Path, headers: dict[str, str]) -> Answer:
    """Answer a file or the one range of it that was asked for; of a file on disk only that range is read.

    A sparse file of terabytes can so be served.
    """
    headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"} | headers
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    wanted = asked.headers.get("range", "").removeprefix("bytes=")
    if not wanted:
        return Answer(200, content if isinstance(content, bytes) else content.read_bytes(), headers)
    first, _, last = wanted.partition("-")
    start, end = int(first), min(int(last or size), size - 1)
    if start >= size:
        return Answer(416, b"", headers | {"Content-Range": f"bytes */{size}"})
    return Answer(206, _part(content, start, end + 1), headers | {"Content-Range": f"bytes {start}-{end}/{size}"})


def _part(content: bytes | Path, start: int, end: int) -> bytes:
    if isinstance(content, bytes):
        return content[start:end]
    with content.open("rb") as file:
        file.seek(start)
        return file.read(end - start)
