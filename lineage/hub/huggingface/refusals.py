"""Errors of the Hub's client translated into ours: what happened, to which model, what to do next.

This module imports the Hub's client: import it only at the first use of the network.
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
    """Translate an error of the Hub's client into ours."""
    name = model or endpoint
    if isinstance(error, HfHubHTTPError):
        return _refusal(error, endpoint, name, missing)
    if isinstance(error, HFValidationError):
        return ModelNotFoundError(
            f"{name} is not a valid model id", model=model, hint="ids look like organisation/name"
        )
    if isinstance(error, OfflineModeIsEnabled):
        return HubUnreachableError(f"{name}: not requested, because HF_HUB_OFFLINE is set", model=model)
    if isinstance(error, json.JSONDecodeError):
        return HubAnswerError(
            f"{name}: the Hub's answer is not valid JSON",
            model=model,
            hint=f"a login page or a proxy may answer instead of {endpoint}",
        )
    if isinstance(error, RecursionError):
        return HubAnswerError(f"{name}: the Hub's answer is nested too deeply", model=model)
    if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, OSError)):
        return HubAnswerError(f"{name}: {type(error).__name__}: {_first_line(error)}", model=model)
    broken = f"the Hub's answer does not have the documented form ({_first_line(error)})"
    return HubAnswerError(f"{name}: {broken}", model=model)


def _refusal(error: HfHubHTTPError, endpoint: str, name: str, missing: Missing) -> HubError:
    """Translate an error response by its error code, then by its status and by what was requested."""
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
    """Make the error for a gated repository, with how to get access."""
    return GatedError(
        f"{name} is gated: its files are not for us",
        model=name,
        hint=f"accept the terms at {endpoint}/{name} and set HF_TOKEN (or `hf auth login`) to a token that may read it",
    )


def _no_model(name: str) -> ModelNotFoundError:
    """Make the error for a missing model or a private one: the Hub answers the same for both."""
    return ModelNotFoundError(
        f"{name}: no such model, or a private one: the Hub does not tell which",
        model=name,
        hint="check the name; for a private model set HF_TOKEN to a token that may read it",
    )


def _unauthorised(error: HfHubHTTPError, name: str) -> HubError:
    """Distinguish an invalid token from a hidden model, which the client does not over plain http."""
    if "credentials" in (error.response.headers.get("x-error-message") or error.server_message or "").lower():
        return HubError(
            f"{name}: the Hub does not accept the token",
            model=name,
            hint="renew HF_TOKEN or unset it (`hf auth login`)",
        )
    return _no_model(name)


def _first_line(error: Exception) -> str:
    """Shorten an error's text to its first line, at most 200 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
