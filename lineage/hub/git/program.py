"""Running the real git safely, and keeping a bare copy of a repository up to date.

Repositories are not trusted. Git is run with a fixed argument list, an environment of its own, no configuration
of the user or the machine, no hooks, no helpers, no prompts, and only the protocols that a call needs; objects
are read without the repository's own configuration (`lineage.hub.git.objects`). Tokens are passed in the environment,
never in arguments, which every user of a machine can read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from lineage.errors import GatedError, HubAnswerError, HubError, HubUnreachableError, ModelNotFoundError
from lineage.log import Log
from lineage.progress import SILENT, Progress
from lineage_schemas.model import HistorySource

LOG = Log(__name__)

FILTER = "blob:limit=64k"
"""Brings every LFS pointer and most cards, configs and indexes of every commit, and no weights."""

FETCH_TIMEOUT = 1800.0
READ_TIMEOUT = 300.0

_KEPT_VARIABLES = (
    "PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP",
    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
)  # fmt: skip

_SAFE_CONFIG = {
    "safe.directory": "*",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.askPass": "",
    "credential.helper": "",
    "protocol.ext.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fetch.unpackLimit": "1",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
}

_SOURCE_FILE = "lineage-source"

_GIT_HINT = "install git 2.31 or newer, as the first program named git on the PATH"


def git_environment(
    protocols: str = "none", config: Mapping[str, str] | None = None, **variables: str
) -> dict[str, str]:
    """Make the whole environment of a git process.

    `protocols` are those that git may speak, with colons between: reading speaks none, so that a repository cannot make
    git fetch what it lacks. `config` is passed as configuration that other users cannot see.
    """
    settings = _SAFE_CONFIG | dict(config or {})
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment |= {
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environment | variables


@cache
def need_git(path: str | None) -> None:
    """Check, once for each PATH, that the program named git is git, and new enough to follow our configuration.

    Raises HubError. Some programs named `git` are wrappers that print nothing, or that first ask to be installed.
    """
    environment = {"PATH": path} if path is not None else {}
    try:
        done = subprocess.run(
            ["git", "--version"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=READ_TIMEOUT,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise HubError(f"git --version did not finish in {READ_TIMEOUT:.0f} s", hint=_GIT_HINT) from error
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        why = "git is not installed, or not on the PATH" if missing else f"git cannot be run: {error.strerror}"
        raise HubError(why, hint=_GIT_HINT) from error
    version = re.match(rb"git version (\d+)\.(\d+)", done.stdout)
    place = shutil.which("git", path=path) or "git"
    if done.returncode != 0 or version is None:
        printed = ascii(done.stdout.decode(errors="replace").strip()[:60])
        raise HubError(f"{place} is not git: `git --version` printed {printed}", hint=_GIT_HINT)
    if (int(version[1]), int(version[2])) < (2, 31):
        raise HubError(f"{place} is too old: {version[0].decode()}", hint=_GIT_HINT)


def run_git(
    arguments: Sequence[str],
    *,
    model: str,
    git_dir: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = READ_TIMEOUT,
) -> subprocess.CompletedProcess[bytes]:
    """Run git and wait for it; raises a HubError that names the model if git cannot be run or fails."""
    need_git(os.environ.get("PATH"))
    where = ["--git-dir", str(git_dir)] if git_dir else []
    command = ["git", *where, *arguments]
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            env=dict(environment or git_environment(GIT_NO_LAZY_FETCH="1")),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise HubError(f"git cannot be run: {error.strerror}", model=model, hint=_GIT_HINT) from error
    except subprocess.TimeoutExpired as error:
        raise HubUnreachableError(f"{model}: git did not finish in {timeout:.0f} s", model=model) from error
    seconds = time.monotonic() - started
    LOG.debug("%s: git %s ended with %d in %.2f s", model, arguments[0], done.returncode, seconds)
    if done.returncode != 0:
        raise _git_failure(model, arguments[0], done.stderr.decode(errors="replace"))
    return done


def fetch_repository(
    url: str,
    git_dir: Path,
    *,
    model: str,
    pull_requests: bool = False,
    authorization: str | None = None,
    progress: Progress = SILENT,
) -> HistorySource:
    """Bring a bare copy of a repository up to date; the first time by one partial fetch in three HTTP requests.

    Heads and tags are always fetched, `refs/pr/*` on request. From a server without support for filters everything is
    fetched; the result says which of the two it was. A later call reads the refs (two requests) and fetches only if one
    moved (three more). Refs that vanished are deleted, and the commits that they pointed at are kept, because garbage
    collection is off. A copy appears under its name only when it is complete, and one process at a time works on it.
    `authorization` is the value of the HTTP header.
    """
    headers = {f"http.{url}.extraHeader": f"Authorization: {authorization}"} if authorization else {}
    # A header for one host must not follow a redirect to another.
    redirects = {"http.followRedirects": "false" if authorization else "initial"}
    protocols = "http:https" if url.startswith(("http://", "https://")) else "file"
    environment = git_environment(protocols, headers | redirects, GIT_NO_LAZY_FETCH="1")
    try:
        git_dir.parent.mkdir(parents=True, exist_ok=True)
        with locked(git_dir):
            if _is_whole(git_dir):
                _update(url, git_dir, model, pull_requests, environment)
            else:
                LOG.info("%s: no copy of its history yet, cloning", model)
                _clone(url, git_dir, model, pull_requests, environment, progress)
            return _read_source(git_dir)
    except OSError as error:
        hint = "free space there, or set LINEAGE_CACHE to another folder"
        raise HubError(f"{model}: the git cache {git_dir.parent} cannot be used: {error}", hint=hint) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time work on `path`; the others wait. A dead process holds no lock."""
    import fcntl

    with path.with_name(path.name + ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_whole(git_dir: Path) -> bool:
    return (git_dir / _SOURCE_FILE).is_file() and (git_dir / "HEAD").is_file() and (git_dir / "objects").is_dir()


def _read_source(git_dir: Path) -> HistorySource:
    return "git-partial" if (git_dir / _SOURCE_FILE).read_text("ascii").strip() == "git-partial" else "git-full"


def _clone(
    url: str, git_dir: Path, model: str, pull_requests: bool, environment: Mapping[str, str], progress: Progress
) -> None:
    """Clone into a folder beside the final one and rename it at the end: an interrupted clone never looks complete."""
    unfinished = git_dir.with_name(git_dir.name + ".unfinished")
    for leftover in (unfinished, git_dir):
        shutil.rmtree(leftover, ignore_errors=True)
    command = ["clone", "--bare", "--quiet", "--template=", "--origin=origin"]
    if pull_requests:
        command += ["--config", "remote.origin.fetch=+refs/pr/*:refs/pr/*"]
    place = ["--", url, str(unfinished)]
    partial = False
    # The rest could not be fetched later from a bundle: git would request the missing objects again and again.
    if url.startswith(("http://", "https://")):
        try:
            done = run_git(
                [*command, f"--filter={FILTER}", *place], model=model, environment=environment, timeout=FETCH_TIMEOUT
            )
            partial = b"filtering not recognized by server" not in done.stderr
        except HubAnswerError as error:
            progress.note(
                f"{model}: the server did not send a partial copy ({error.message}); fetching the whole history"
            )
            shutil.rmtree(unfinished, ignore_errors=True)
    if not (unfinished / "HEAD").is_file():
        run_git([*command, *place], model=model, environment=environment, timeout=FETCH_TIMEOUT)
    (unfinished / _SOURCE_FILE).write_text("git-partial\n" if partial else "git-full\n", "ascii")
    unfinished.rename(git_dir)


def _update(url: str, git_dir: Path, model: str, pull_requests: bool, environment: Mapping[str, str]) -> None:
    for left_behind in git_dir.rglob("*.lock"):  # left by a git that was killed: our lock keeps other processes out
        left_behind.unlink(missing_ok=True)
    patterns = ["refs/heads/*", "refs/tags/*", *(["refs/pr/*"] if pull_requests else [])]
    asked = run_git(
        ["ls-remote", "--quiet", "--symref", "--", url, "HEAD", *patterns], model=model, environment=environment
    )
    head, there = _parse_refs(asked.stdout.decode(errors="replace"))
    if there == _own_refs(git_dir, model, patterns):
        LOG.info("%s: the copy of its history is up to date", model)
    else:
        LOG.info("%s: refs moved, fetching into the copy of its history", model)
        specs = [f"+{pattern}:{pattern}" for pattern in patterns]
        command = ["fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--force"]
        run_git(["config", "remote.origin.url", url], model=model, git_dir=git_dir)
        run_git(
            [*command, "origin", *specs], model=model, git_dir=git_dir, environment=environment, timeout=FETCH_TIMEOUT
        )
    if head:
        run_git(["symbolic-ref", "HEAD", head], model=model, git_dir=git_dir)


def _parse_refs(text: str) -> tuple[str | None, dict[str, str]]:
    """Parse the output of `ls-remote --symref`: the branch that HEAD names, and the refs without peeled tags."""
    head, refs = None, {}
    for line in text.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: ") and name == "HEAD":
            head = value.removeprefix("ref: ")
        elif name.startswith("refs/") and not name.endswith("^{}"):
            refs[name] = value
    return head, refs


def _own_refs(git_dir: Path, model: str, patterns: Sequence[str]) -> dict[str, str]:
    prefixes = [pattern.removesuffix("/*") for pattern in patterns]
    done = run_git(["for-each-ref", "--format=%(objectname)\t%(refname)", *prefixes], model=model, git_dir=git_dir)
    return _parse_refs(done.stdout.decode(errors="replace"))[1]


_REFUSALS: tuple[tuple[str, type[HubError]], ...] = (
    (r"returned error: (429|5\d\d)|Could not resolve|unable to connect|Failed to connect|timed out|Operation too slow"
     r"|Connection (reset|refused)|early EOF|unexpected disconnect|RPC failed", HubUnreachableError),
    (r"could not read Username|Authentication failed|repository '.*' not found|returned error: (401|404)",
     ModelNotFoundError),
    (r"returned error: 403", GatedError),
)  # fmt: skip


def _git_failure(model: str, command: str, stderr: str) -> HubError:
    """Choose the kind of error by git's message; any message that is not known is a HubAnswerError."""
    lines = [line for line in stderr.splitlines() if line.startswith(("fatal:", "error:"))] or stderr.splitlines()
    reason = lines[-1].strip() if lines else "it gave no reason"
    for pattern, kind in _REFUSALS:
        if re.search(pattern, stderr):
            return kind(f"{model}: git {command}: {reason}", model=model)
    return HubAnswerError(f"{model}: git {command}: {reason}", model=model)
