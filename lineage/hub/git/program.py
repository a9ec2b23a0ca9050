"""Running the real git safely, and keeping a bare copy of a repository up to date.

Repositories are not trusted. Git is run with a fixed argument list, an environment of its own, no configuration
of the user, the machine or the folder that the user is in, no hooks, no helpers, no prompts, and only the protocols
that a call needs; refs and objects are read without the repository's own configuration (`lineage.hub.git.files`,
`lineage.hub.git.objects`). Tokens are passed in the environment, never in arguments, which every user of a machine can
read. No process can wait for ever (`lineage.hub.git.processes`).
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from lineage.errors import GatedError, HubAnswerError, HubError, HubUnreachableError, ModelNotFoundError
from lineage.hub.git.processes import finish
from lineage.log import Log
from lineage.progress import SILENT, Progress
from lineage_schemas.history import HistorySource

LOG = Log(__name__)

FILTER = "blob:limit=64k"
"""Brings every LFS pointer and most cards, configs and indexes of every commit, and no weights."""

FETCH_SILENCE = 300.0
READ_SILENCE = 120.0
"""Seconds after which a git that prints nothing is ended. While it fetches it reports its progress."""

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
    "init.defaultBranch": "main",
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
            ["git", "--version"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=READ_SILENCE,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise HubError(f"git --version did not finish in {READ_SILENCE:.0f} s", hint=_GIT_HINT) from error
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
    try:
        asked = finish(
            ["git", "rev-parse", "--git-dir"], reading_environment(), empty_repository(), silence=READ_SILENCE
        )
    except (OSError, TimeoutError) as error:
        raise HubError(f"{place} cannot be used: {error}", hint=_GIT_HINT) from error
    if asked.returncode != 0 or not asked.stdout.strip():
        raise HubError(f"{place} is not git: it did not report where a repository is", hint=_GIT_HINT)


def run_git(
    arguments: Sequence[str],
    *,
    model: str,
    git_dir: Path | None = None,
    environment: Mapping[str, str] | None = None,
    silence: float | None = None,
    is_remote: bool = False,
    allowed: Collection[int] = (0,),
) -> subprocess.CompletedProcess[bytes]:
    """Run git and wait for it; raises a HubError that names the model if git cannot be run or fails.

    It is ended if it prints nothing for `silence` seconds. If `is_remote`, a failure can be the network's or the
    server's. Exit codes other than those `allowed` are failures.
    """
    need_git(os.environ.get("PATH"))
    where = ["--git-dir", str(git_dir.absolute())] if git_dir else []
    limit = READ_SILENCE if silence is None else silence
    started = time.monotonic()
    try:
        done = finish(
            ["git", *where, *arguments], environment or reading_environment(), empty_repository(), silence=limit
        )
    except TimeoutError as error:
        raise silent_git(model, arguments[0], limit, is_remote=is_remote) from error
    except OSError as error:
        raise HubError(f"git cannot be run: {error.strerror}", model=model, hint=_GIT_HINT) from error
    seconds = time.monotonic() - started
    LOG.debug("%s: git %s ended with %d in %.2f s", model, arguments[0], done.returncode, seconds)
    if done.returncode not in allowed:
        raise _git_failure(model, arguments[0], done.stderr.decode(errors="replace"), is_remote=is_remote)
    return done


def silent_git(model: str, command: str, seconds: float, *, is_remote: bool = False) -> HubError:
    """Make the error for a git that printed nothing for so long that it was ended."""
    message = f"{model}: git {command} printed nothing for {seconds:.0f} s and was ended"
    if is_remote:
        return HubUnreachableError(message, model=model)
    return HubAnswerError(message, model=model, hint="look at the repository with `git fsck`, or clone it again")


def reading_environment() -> dict[str, str]:
    """Make the environment of a git that reads files: it sees an empty repository, and fetches nothing."""
    return git_environment(GIT_DIR=str(empty_repository()), GIT_NO_LAZY_FETCH="1")


@cache
def empty_repository() -> Path:
    """Make the empty repository in which git is run; it lives as long as this process.

    Without it git would read the configuration of the repository that the user's current folder is in.
    """
    folder = Path(tempfile.mkdtemp(prefix="lineage-git-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "refs").mkdir()
    (folder / "objects").mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n", "ascii")
    config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tcommitGraph = false\n\tmultiPackIndex = true\n"
    (folder / "config").write_text(config, "ascii")
    return folder


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
    protocols = "http:https" if _is_remote(url) else "file"
    environment = git_environment(protocols, headers | redirects, GIT_NO_LAZY_FETCH="1")
    git_dir = git_dir.absolute()
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


def _is_remote(url: str) -> bool:
    return url.startswith(("http://", "https://"))


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
    command = ["clone", "--bare", "--progress", "--template=", "--origin=origin"]
    if pull_requests:
        command += ["--config", "remote.origin.fetch=+refs/pr/*:refs/pr/*"]
    place = ["--", url, str(unfinished)]
    partial = False

    def clone(*options: str) -> subprocess.CompletedProcess[bytes]:
        return run_git(
            [*command, *options, *place],
            model=model, environment=environment, silence=FETCH_SILENCE, is_remote=_is_remote(url),
        )  # fmt: skip

    # The rest could not be fetched later from a bundle: git would request the missing objects again and again.
    if _is_remote(url):
        try:
            done = clone(f"--filter={FILTER}")
            partial = b"filtering not recognized by server" not in done.stderr
        except HubAnswerError as error:
            progress.note(
                f"{model}: the server did not send a partial copy ({error.message}); fetching the whole history"
            )
            shutil.rmtree(unfinished, ignore_errors=True)
    if not (unfinished / "HEAD").is_file():
        clone()
    (unfinished / _SOURCE_FILE).write_text("git-partial\n" if partial else "git-full\n", "ascii")
    unfinished.rename(git_dir)


def _update(url: str, git_dir: Path, model: str, pull_requests: bool, environment: Mapping[str, str]) -> None:
    for left_behind in git_dir.rglob("*.lock"):  # left by a git that was killed: our lock keeps other processes out
        left_behind.unlink(missing_ok=True)
    patterns = ["refs/heads/*", "refs/tags/*", *(["refs/pr/*"] if pull_requests else [])]
    asked = run_git(
        ["ls-remote", "--quiet", "--symref", "--", url, "HEAD", *patterns],
        model=model, environment=environment, silence=FETCH_SILENCE, is_remote=_is_remote(url),
    )  # fmt: skip
    prefixes = [pattern.removesuffix("*") for pattern in patterns]
    head, there = parse_refs(asked.stdout, prefixes)
    if there == _own_refs(git_dir, model, prefixes):
        LOG.info("%s: the copy of its history is up to date", model)
    else:
        LOG.info("%s: refs moved, fetching into the copy of its history", model)
        specs = [f"+{pattern}:{pattern}" for pattern in patterns]
        command = ["fetch", "--progress", "--prune", "--no-tags", "--no-write-fetch-head", "--force"]
        run_git(["config", "remote.origin.url", url], model=model, git_dir=git_dir)
        run_git(
            [*command, "origin", *specs],
            model=model, git_dir=git_dir, environment=environment, silence=FETCH_SILENCE, is_remote=_is_remote(url),
        )  # fmt: skip
    if head is not None and head.startswith(b"refs/heads/"):
        run_git(["symbolic-ref", "HEAD", os.fsdecode(head)], model=model, git_dir=git_dir)


def parse_refs(output: bytes, prefixes: Sequence[str]) -> tuple[bytes | None, dict[bytes, bytes]]:
    """Parse the output of `ls-remote --symref`: the branch that HEAD names, and the refs below `prefixes`.

    Names are bytes, and a line ends with a line feed and nothing else: other characters that end a line in a text may
    be part of a name. The pattern `refs/heads/*` of git also fits `refs/x/refs/heads/y`, which is left out.
    """
    # Example: b"ref: refs/heads/main\tHEAD\n1c9f…\tHEAD\n1c9f…\trefs/heads/main\n4b82…\trefs/tags/v1^{}\n".
    head, refs = None, {}
    starts = tuple(prefix.encode() for prefix in prefixes)
    for line in output.split(b"\n"):
        value, _, name = line.partition(b"\t")
        if value.startswith(b"ref: "):
            head = value.removeprefix(b"ref: ") if name == b"HEAD" else head
        elif name.startswith(starts) and not name.endswith(b"^{}"):
            refs[name] = value
    return head, refs


def _own_refs(git_dir: Path, model: str, prefixes: Sequence[str]) -> dict[bytes, bytes]:
    done = run_git(["for-each-ref", "--format=%(objectname)\t%(refname)", *prefixes], model=model, git_dir=git_dir)
    return parse_refs(done.stdout, prefixes)[1]


_REFUSALS: tuple[tuple[str, type[HubError]], ...] = (
    (r"returned error: (429|5\d\d)|Could not resolve|unable to connect|Failed to connect|timed out|Operation too slow"
     r"|Connection (reset|refused)|early EOF|unexpected disconnect|RPC failed", HubUnreachableError),
    (r"could not read Username|Authentication failed|repository '.*' not found|returned error: (401|404)",
     ModelNotFoundError),
    (r"returned error: 403", GatedError),
)  # fmt: skip


def _git_failure(model: str, command: str, stderr: str, *, is_remote: bool) -> HubError:
    """Choose the kind of error by git's message; any message that is not known is a HubAnswerError."""
    lines = [part.rpartition("\r")[2].strip() for part in stderr.rstrip("\r\n").replace("\r\n", "\n").split("\n")]
    reasons = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    reason = reasons[-1] or "it gave no reason"
    for pattern, kind in _REFUSALS if is_remote else ():
        if re.search(pattern, stderr):
            return kind(f"{model}: git {command}: {reason}", model=model)
    return HubAnswerError(f"{model}: git {command}: {reason}", model=model)
