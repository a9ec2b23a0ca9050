"""The errors that lineage's packages raise: what happened, to which model or file, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.redaction import without_secrets

SHOWN_NAMES = 3
"""Names that a message lists before it counts the others."""


def with_hint(message: str, hint: str | None) -> str:
    """Write a message and what to do next as one text."""
    return f"{message} ({hint})" if hint else message


def few(names: Sequence[str]) -> str:
    """List the first few of many names, and count the others."""
    rest = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {rest} more" if rest > 0 else "")


class LineageError(Exception):
    """Say what could not be done; `hint` says what to do next.

    The command line prints both and exits with 2. Exceptions of other libraries never leave the package that called
    the library: it raises one of the classes below instead, chained with `from`. Message and hint contain no secrets
    (`lineage.redaction`), whatever a server or a file put into them.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = without_secrets(message)
        self.hint = without_secrets(hint) if hint else hint
        super().__init__(self.message)

    @property
    def in_one_line(self) -> str:
        """Give the message with the hint behind it, for a place that holds one text."""
        return with_hint(self.message, self.hint)


class InputError(LineageError):
    """Reject an argument, or a file of the user's, whose content is impossible."""


class HubError(LineageError):
    """Report that a Hub could not return what was requested; `model` is the id in question, if there is one."""

    def __init__(self, message: str, *, model: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.model = model


class ModelNotFoundError(HubError):
    """Report that the Hub does not have the model; a private repository looks the same."""


class RevisionNotFoundError(HubError):
    """Report that the model has no such branch, tag or commit."""


class FileNotInRevisionError(HubError):
    """Report that the revision has no such file, or that its content is missing (an LFS object not fetched)."""


class ContentMismatchError(HubError):
    """Report bytes that are not those that their id names: a blob whose content has another hash."""


class TextTooLongError(HubError):
    """Report that a text is longer than texts are read: what it says is unknown, and no part of it is used.

    `reason` is the message without the place.
    """

    def __init__(self, place: str, reason: str, *, model: str | None = None) -> None:
        super().__init__(f"{place}: {reason}", model=model)
        self.reason = without_secrets(reason)


class GatedError(HubError):
    """Report that the model exists but this token has no access to its files. Permanent: never retried."""


class HubUnreachableError(HubError):
    """Report that the Hub was not asked (`--offline`, a cache), or one of the subclasses below."""


class RateLimitedError(HubUnreachableError):
    """Report that the Hub's rate limit was exceeded (429); `wait` is in seconds, if the Hub gives it."""

    def __init__(
        self, message: str, *, model: str | None = None, hint: str | None = None, wait: float | None = None
    ) -> None:
        super().__init__(message, model=model, hint=hint)
        self.wait = wait


class NoAnswerError(HubUnreachableError):
    """Report that the Hub did not respond despite retries: refused connection, no network, timeout, 5xx."""


class HubAnswerError(HubError):
    """Report an invalid response of the Hub: a truncated body, a wrong length, a Link to another origin, not JSON."""


class UnexpectedError(HubError):
    """Report that reading a model failed in a way that its reader did not foresee; the cause is chained.

    Made only by `lineage.unexpected`. It is a HubError because what it means for an answer is the same: this model,
    or this parent, could not be read, and the others can.
    """


class FormatError(LineageError):
    """Reject a file that violates its format; `file` names it."""

    def __init__(self, message: str, *, file: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.file = file


class OtherBytesError(FormatError):
    """Refuse a file that was read whole and has another hash than its repository names."""


class StoreError(LineageError):
    """Report that the graph store could not read or write: locked, full, read-only, not a store, too new."""


class StoreValueError(StoreError):
    """Report that the store cannot hold a value of one model: a number or a text beyond its limits.

    The store itself works, and nothing of this model's write was kept: other models can be written.
    """


def ends_the_run(error: LineageError) -> bool:
    """Return whether an error concerns every model of a run: a store that does not work, in which nothing is kept."""
    return isinstance(error, StoreError) and not isinstance(error, StoreValueError)
