"""What the Hub says of trust: the result of its scans of a model's files, and whether it verified a publisher.

This module does not import the Hub's client: the connection brings it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage.errors import HubAnswerError, ModelNotFoundError, RevisionNotFoundError
from lineage.hub.git.texts import without_surrogates
from lineage.hub.interface import SecurityScan

if TYPE_CHECKING:
    from lineage.hub.huggingface.connection import Connection

MAX_FILES = 1_000
"""Files with issues of one model that are kept."""


def security_scan(connection: Connection, model: str, commit: str) -> SecurityScan | None:
    """Request a model's page at a commit with the status of the scans; None if the page does not have it."""
    info = connection.call(
        lambda: connection.api.model_info(model, revision=commit, securityStatus=True), model, RevisionNotFoundError
    )
    status: Any = info.security_repo_status
    if status is None:
        return None
    if not isinstance(status, dict):
        raise HubAnswerError(f"{model}: the Hub's security status is not a table", model=model)
    done, listed = status.get("scansDone"), status.get("filesWithIssues")
    if listed is None and done is None:
        return None
    files = [_file(model, each) for each in (listed if isinstance(listed, list) else ())][:MAX_FILES]
    return SecurityScan(done if isinstance(done, bool) else None, tuple(sorted(files)))


def _file(model: str, each: Any) -> tuple[str, str]:
    path, level = (each.get("path"), each.get("level")) if isinstance(each, dict) else (None, None)
    if not isinstance(path, str) or not isinstance(level, str):
        raise HubAnswerError(f"{model}: the Hub's security status lists a file without path or level", model=model)
    return without_surrogates(path), without_surrogates(level)


def is_verified(connection: Connection, publisher: str) -> bool | None:
    """Return whether the Hub verified an organisation; a person's account is not one. None if the Hub does not say."""
    try:
        found = connection.call(lambda: connection.api.get_organization_overview(publisher), publisher)
    except ModelNotFoundError:
        return False
    return found.is_verified if isinstance(found.is_verified, bool) else None
