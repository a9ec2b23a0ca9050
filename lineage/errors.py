"""Every error that leaves a room of lineage: what happened, to what, and what to do next."""

from __future__ import annotations


class LineageError(Exception):
    """Say what could not be done; `hint` says what to do next.

    The command line prints both and exits with 2. Foreign exceptions never cross a room's door: each room
    raises one of the kinds below, chained with `from`.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(LineageError):
    """Refuse what a person typed or a file of theirs that says something impossible."""


class HubError(LineageError):
    """Report that a Hub could not give what was asked; `model` is the id in question, where there is one."""

    def __init__(self, message: str, *, model: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.model = model


class ModelNotFoundError(HubError):
    """Report that the Hub knows no such model, or hides it: private repositories look the same."""


class RevisionNotFoundError(HubError):
    """Report that the model has no such branch, tag or commit."""


class FileNotInRevisionError(HubError):
    """Report that the revision has no such file, or that its bytes are not there (an LFS object that is missing)."""


class GatedError(HubError):
    """Report that the model is there and its files are not for this token. Permanent: never retried."""


class HubUnreachableError(HubError):
    """Report that nothing was learned from the Hub: not asked (`--offline`, a cache), or one of the kinds below."""


class RateLimitedError(HubUnreachableError):
    """Report that the Hub answers no more requests of ours for now (429); `wait` is in seconds, where it says."""

    def __init__(
        self, message: str, *, model: str | None = None, hint: str | None = None, wait: float | None = None
    ) -> None:
        super().__init__(message, model=model, hint=hint)
        self.wait = wait


class NoAnswerError(HubUnreachableError):
    """Report that the Hub did not answer in spite of retries: refused connection, no network, timeout, 5xx."""


class HubAnswerError(HubError):
    """Report an answer that breaks the Hub's contract: a cut body, a wrong length, a foreign Link, no JSON."""


class FormatError(LineageError):
    """Refuse a file whose bytes break their format; `file` names it."""

    def __init__(self, message: str, *, file: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.file = file


class StoreError(LineageError):
    """Report that the graph store could not read or write: locked, full, read-only, not a store, too new."""
