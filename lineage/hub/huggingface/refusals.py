"""What the Hub's client raises, in our words: what happened, to which model, what to do next.

Imports the Hub's client: import it at the first use of the network only.
"""

from __future__ import annotations

import json

import httpx2
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.errors import RevisionNotFoundError as NoSuchRevision

from lineage.errors import (
    FileNotInRevisionError,
    GatedError,
    HubAnswerError,
    HubError,
    HubUnreachableError,
    ModelNotFoundError,
    RevisionNotFoundError,
)

Missing = type[ModelNotFoundError] | type[RevisionNotFoundError] | type[FileNotInRevisionError]
"""What a bare 404 means depends on what was asked for: endpoints other than the Hub send no X-Error-Code."""


def translated(error: Exception, endpoint: str, model: str | None, missing: Missing) -> HubError:
    """Make our error of a foreign one that a call of the Hub's client raised."""
    name = model or endpoint
    if isinstance(error, HfHubHTTPError):
        return _refusal(error, endpoint, name, missing)
    if isinstance(error, HFValidationError):
        return ModelNotFoundError(f"{name} is no model id", model=model, hint="ids look like organisation/name")
    if isinstance(error, OfflineModeIsEnabled):
        return HubUnreachableError(f"{name}: not asked for, because HF_HUB_OFFLINE is set", model=model)
    if isinstance(error, json.JSONDecodeError):
        return HubAnswerError(
            f"{name}: the Hub answered with something that is no JSON",
            model=model,
            hint=f"a login page or proxy may stand before {endpoint}",
        )
    if isinstance(error, RecursionError):
        return HubAnswerError(f"{name}: the Hub answered with something that is nested too deeply", model=model)
    if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, OSError)):
        return HubAnswerError(f"{name}: {type(error).__name__}: {_first_line(error)}", model=model)
    broken = f"an answer of the Hub lacks what its contract promises ({_first_line(error)})"
    return HubAnswerError(f"{name}: {broken}", model=model)


def _refusal(error: HfHubHTTPError, endpoint: str, name: str, missing: Missing) -> HubError:
    """Sort an answer that is no success by what it says, then by its status and by what was asked for."""
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return _gated(name, endpoint)
    if isinstance(error, DisabledRepoError):
        return ModelNotFoundError(f"{name} is disabled: the Hub has taken it offline", model=name)
    if isinstance(error, RepositoryNotFoundError):
        return _no_model(name)
    if isinstance(error, NoSuchRevision):
        return RevisionNotFoundError(f"{name} has no such branch, tag or commit", model=name)
    if isinstance(error, RemoteEntryNotFoundError):
        return FileNotInRevisionError(f"{name} has no such file at this commit", model=name)
    if status == 401:
        return _unauthorised(error, name)
    if status == 403:
        return _gated(name, endpoint)
    if status in (404, 410):
        return _no_model(name) if missing is ModelNotFoundError else missing(f"{name}: not found", model=name)
    return HubAnswerError(f"{name}: the Hub answered {status}: {error.server_message or 'no reason given'}", model=name)


def _gated(name: str, endpoint: str) -> GatedError:
    """Say how one gets into a gated repository."""
    return GatedError(
        f"{name} is gated: its files are not for us",
        model=name,
        hint=f"accept the terms at {endpoint}/{name} and set HF_TOKEN (or `hf auth login`) to a token that may read it",
    )


def _no_model(name: str) -> ModelNotFoundError:
    """Say that a missing model and a private one look the same from outside."""
    return ModelNotFoundError(
        f"{name}: no such model, or a private one: the Hub does not tell which",
        model=name,
        hint="check the name; for a private model set HF_TOKEN to a token that may read it",
    )


def _unauthorised(error: HfHubHTTPError, name: str) -> HubError:
    """Tell a token that is no good from a model that is hidden; over plain http the client does not."""
    if "credentials" in (error.response.headers.get("x-error-message") or error.server_message or "").lower():
        return HubError(
            f"{name}: the Hub does not accept the token",
            model=name,
            hint="renew HF_TOKEN or unset it (`hf auth login`)",
        )
    return _no_model(name)


def _first_line(error: Exception) -> str:
    """Keep an error's text to one line of bearable length."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
