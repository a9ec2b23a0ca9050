"""The login of a Neo4j server from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lineage.errors import InputError


@dataclass(frozen=True)
class Neo4jSettings:
    """Hold a Neo4j login: `NEO4J_USERNAME`, `NEO4J_DATABASE`, `NEO4J_PASSWORD`, `NEO4J_PASSWORD_FILE`.

    None means that the variable is not set. The `repr` leaves the password out. `file_variable` is the variable that
    names the file.
    """

    username: str | None
    database: str | None
    password: str | None = field(repr=False)
    password_file: Path | None
    file_variable: str = "NEO4J_PASSWORD_FILE"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, *, source: bool = False) -> Neo4jSettings:
        """Read the environment; an empty variable counts as not set.

        For the `source` of a copy, `NEO4J_SOURCE_…` variables take precedence: it may be on another server than the
        target. Raises InputError for a `~user` file of a user who does not exist on this machine.
        """
        env = os.environ if environ is None else environ
        own = "NEO4J_SOURCE_" if source else "NEO4J_"
        secret = own if env.get(f"{own}PASSWORD") or env.get(f"{own}PASSWORD_FILE") else "NEO4J_"
        file = env.get(f"{secret}PASSWORD_FILE")
        return cls(
            username=env.get(f"{own}USERNAME") or env.get("NEO4J_USERNAME") or None,
            database=env.get(f"{own}DATABASE") or env.get("NEO4J_DATABASE") or None,
            password=env.get(f"{secret}PASSWORD") or None,
            password_file=_password_file(f"{secret}PASSWORD_FILE", file) if file else None,
            file_variable=f"{secret}PASSWORD_FILE",
        )


def _password_file(variable: str, named: str) -> Path:
    """Expand `~` in the path of the password file."""
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        hint = "write the path in full"
        raise InputError(f"{variable}: {named!r} is not a file on this machine: {error}", hint=hint) from error
