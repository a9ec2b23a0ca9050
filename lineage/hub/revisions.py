"""Resolve a text to a commit: one set of rules for every Hub, for the store and for `--since`.

| text | means |
|---|---|
| `HEAD`, or nothing | the default revision |
| a full commit id, 40 hex digits | that commit, and never a ref of this name |
| a full ref name: what begins with `refs/`, such as `refs/tags/v1.0` or `refs/pr/3` | where the ref points |
| the rest of a name after `refs/heads/` or `refs/tags/` | where that branch or tag points; `2.0` is not `release/2.0` |
| at least 7 hex digits that are not the name of a ref | the one commit whose id begins with them |

Hex digits may be upper case. A branch and a tag of one name on two commits, and digits that begin several commits, are
ambiguous: the caller gets all of them, and none is preferred. The only commit of a plain folder has the id `folder:`
and 64 hex digits, to which the same rules apply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lineage.errors import RevisionNotFoundError

if TYPE_CHECKING:
    from lineage_schemas.history_ref import RefKind

MIN_DIGITS = 7
"""Digits of a commit id that name a commit: as many as git and the Hub show."""

SHORT_NAMES = ("refs/heads/", "refs/tags/")
"""Prefixes that may be omitted from the name of a branch or tag."""

_KINDS: tuple[tuple[re.Pattern[str], RefKind], ...] = (
    (re.compile(r"refs/heads/.+", re.DOTALL), "branch"),
    (re.compile(r"refs/tags/.+", re.DOTALL), "tag"),
    (re.compile(r"refs/convert/.+", re.DOTALL), "convert"),
    (re.compile(r"refs/pr/([0-9]{1,9})"), "pull_request"),
    (re.compile(r"refs/pull/([0-9]{1,9})/head"), "pull_request"),
)

_COMMIT_ID = re.compile(r"[0-9a-f]{40}")
_FULL_ID = re.compile(r"[0-9a-f]{40}|folder:[0-9a-f]{64}")
_ID_START = re.compile(rf"(?:folder:)?[0-9a-f]{{{MIN_DIGITS},}}")


class NamedRef(Protocol):
    """Describe what the rules need of a ref: its full name, and the commit that it points at."""

    @property
    def name(self) -> str:
        """Return the full name, such as `refs/heads/main`."""

    @property
    def target(self) -> str:
        """Return the commit; of an annotated tag, the one that it points at."""


class NamedCommit(NamedTuple):
    """Hold a commit, and the full name of the ref that named it; None if its id was given."""

    commit: str
    ref: str | None = None


class Meaning(NamedTuple):
    """Hold all commits that a text can mean, branches before tags and ids in order; empty if it names nothing."""

    text: str
    named: tuple[NamedCommit, ...]

    @property
    def commits(self) -> frozenset[str]:
        """Return the commits without their refs."""
        return frozenset(found.commit for found in self.named)

    @property
    def only(self) -> NamedCommit | None:
        """Return the commit if there is exactly one; a branch and a tag on it are not ambiguous."""
        return self.named[0] if len(self.commits) == 1 else None

    def ambiguity(self) -> tuple[str, str] | None:
        """Return why the text is ambiguous, and what to write instead; None if it is not."""
        if len(self.commits) < 2:
            return None
        if self.named[0].ref is None:
            return f"{self.text} is the beginning of {len(self.commits)} commits", "give more digits"
        names = " and ".join(str(found.ref) for found in self.named)
        return f"{self.text} is ambiguous: {names} are on different commits", "write the full name of the one you mean"

    def require(self, model: str) -> NamedCommit:
        """Return the only commit. Raises RevisionNotFoundError if there is none, or more than one."""
        ambiguity = self.ambiguity()
        if ambiguity is not None:
            raise RevisionNotFoundError(f"{model}: {ambiguity[0]}", model=model, hint=ambiguity[1])
        if self.only is None:
            raise RevisionNotFoundError(
                f"{model} has no revision {self.text}",
                model=model,
                hint=f"give a branch, a tag, or a commit id of at least {MIN_DIGITS} digits",
            )
        return self.only


def meaning_of(text: str, refs: Iterable[NamedRef], commits: Iterable[str]) -> Meaning:
    """Find the commits that a text means among refs and commit ids.

    `commits` is read only if the text is not the name of a ref, and need only hold the ids that begin with it, in
    lower case; commits that refs point at are known already.
    """
    listed = tuple(refs)
    if not is_full_id(text):
        named = _named(text, listed)
        if named or not may_be_id(text):
            return Meaning(text, named)
    start = text.lower()
    known = {*(ref.target for ref in listed), *commits}
    return Meaning(text, tuple(NamedCommit(commit) for commit in sorted(known) if commit.startswith(start)))


def _named(text: str, refs: tuple[NamedRef, ...]) -> tuple[NamedCommit, ...]:
    """Find the ref of this full name, or the branch and the tag of this short name.

    A text that begins with `refs/` is a full name: a branch called `refs/heads/main` is `refs/heads/refs/heads/main`,
    and never stands for `main`.
    """
    targets = {ref.name: ref.target for ref in refs}
    if text.startswith("refs/"):
        return (NamedCommit(targets[text], text),) if text in targets else ()
    return tuple(NamedCommit(targets[full], full) for kind in SHORT_NAMES if (full := kind + text) in targets)


def is_default(text: str | None) -> bool:
    """Return whether a text means the default revision."""
    return text is None or text == "HEAD"


def is_pull_request(text: str | None) -> bool:
    """Say whether a text is the full name of a pull request's ref, as the Hub or another git server names it."""
    return text is not None and ref_kind(text) == "pull_request"


def ref_kind(name: str) -> RefKind | None:
    """Return the kind of a ref by its full name; None for remote-tracking refs, notes and stashes."""
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(name)), None)


def pull_request_number(name: str) -> int | None:
    """Return the number of a pull request by the full name of its ref; None for all other refs."""
    return int(re.sub(r"[^0-9]", "", name)) if ref_kind(name) == "pull_request" else None


def is_full_id(text: str) -> bool:
    """Return whether a text is a full commit id, in upper or lower case."""
    return _FULL_ID.fullmatch(text.lower()) is not None


def may_be_id(text: str) -> bool:
    """Return whether a text is a commit id or long enough a beginning of one, in upper or lower case."""
    return _ID_START.fullmatch(text.lower()) is not None


def is_commit_id(text: object) -> bool:
    """Return whether something is a commit id as git and the Hub write it: 40 digits, lower case."""
    return isinstance(text, str) and _COMMIT_ID.fullmatch(text) is not None
