"""Answers about lock files, for the tests of the renderers."""

from __future__ import annotations

from collections.abc import Callable

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.incomplete import NamedAt
from lineage_schemas.answers.lock import Behind, LockAnswer, LockState
from lineage_schemas.answers.verify import Difference, VerifyAnswer, VerifyVerdict
from lineage_schemas.digests import Digests
from lineage_schemas.lock import LockDifference
from lineage_schemas.unchecked import Unchecked
from tests.report.traces import commit, header


def verify_lock(verdict: VerifyVerdict = "different") -> VerifyAnswer:
    """A folder that was compared with a model of a lock file."""
    known = verdict != "not_known"
    differences = (
        Difference(what="config.json", expected="gitblob:" + "33" * 20, found="gitblob:" + "44" * 20),
        Difference(what="modeling.py", expected=None, found="sha256:" + "55" * 32),
    )
    return VerifyAnswer.model_validate(
        {
            **header("verify.v1"), "hub": None, "collected_at": None, "path": "./chat", "lock": "lineage.lock",
            "against": "lab/chat-7b" if known else None, "revision": commit(4) if known else None, "verdict": verdict,
            "digests": Digests(files="files.v1:" + "11" * 32) if verdict == "equal" else Digests(), "matches": (),
            "differences": differences if verdict == "different" else (),
            "unchecked": (Unchecked(what="config.json", reason="the locked commit has it, and it is not here"),)
            if verdict == "unchecked" else (),
            "notes": ("locked, and not here: README.md",) if verdict == "equal" else (),
        }
    )  # fmt: skip


def lock(verdict: str = "changed") -> LockAnswer:
    """A lock that is checked, and one that was written."""
    changed = verdict == "changed"
    place = NamedAt(file="app/chat.py", line=7)
    states = [
        LockState(
            id="lab/chat-7b",
            commit=commit(4),
            outcome="kept",
            places=(place, place.model_copy(update={"line": 8}), place.model_copy(update={"line": 9})),
        ),
        LockState(id="lab/old", commit=commit(5), outcome="removed"),
        LockState(id="lab/tiny", revision="v1.0", commit=commit(6), outcome="moved", places=(place,)),
        LockState(id="lab/new", commit=commit(7), outcome="added", places=(place,)),
    ]
    gone = LockState(id="lab/gone", outcome="unresolved", places=(place,))
    hashes = [
        LockDifference(model="lab/chat-7b", field="file", name=f"{n}.bin", locked="sha256:" + "11" * 32)
        for n in range(11)
    ]
    differences = (
        LockDifference(model="lab/chat-7b", field="commit", locked=commit(4)), *hashes,
        LockDifference(model="lab/new", field="model", now=commit(7)),
        LockDifference(model="lab/tiny", revision="v1.0", field="commit", locked=commit(5), now=commit(6)),
    )  # fmt: skip
    unchecked = Unchecked(
        what="lab/gone", reason="lab/gone is not on the Hub; it is not locked", decide_with="lineage lock"
    )
    return LockAnswer(
        **header("lock.v1"),
        path=".",
        file="lineage.lock",
        verdict="changed" if changed else "current",
        written=False,
        models=tuple(states if changed else states[:1]) + ((gone,) if changed else ()),
        differences=differences if changed else (),
        behind=() if changed else (Behind(model="lab/chat-7b", locked=commit(4), now=commit(8)),),
        unchecked=(unchecked,) if changed else (),
        notes=("not locked, because the sources do not show which model is loaded: app/chat.py:9",) if changed else (),
    )


def lock_written() -> LockAnswer:
    """A lock that was written, with a part that could not be read."""
    return lock().model_copy(update={"written": True})


LOCKS: dict[str, Callable[[], Answer]] = {
    "verify-lock": verify_lock, "verify-lock-equal": lambda: verify_lock("equal"),
    "verify-lock-not-known": lambda: verify_lock("not_known"),
    "verify-lock-unchecked": lambda: verify_lock("unchecked"),
    "lock": lock, "lock-current": lambda: lock("current"), "lock-written": lock_written,
}  # fmt: skip
