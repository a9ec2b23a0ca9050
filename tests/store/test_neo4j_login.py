"""Where the password of a Neo4j store may stand, and where not; no server is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.errors import InputError
from lineage.settings import Neo4jSettings
from lineage.store.neo4j_connection import address_of
from lineage.store.open import open_store


@pytest.mark.parametrize(
    "url",
    [
        "neo4j://neo4j:hush@h",
        "bolt://u:hu/sh@h:7687",
        "neo4j://h?password=hush",
        "neo4j+s://:hush@h/db",
        "neoj://u:hush@h",
    ],
    ids=["plain", "slash", "query", "no user", "no such scheme"],
)
def test_a_neo4j_password_in_a_url_is_refused_unseen(url: str) -> None:
    """A URL that holds a password is refused, and what is said of it does not hold it."""
    with pytest.raises(InputError) as caught:
        open_store(url)
    assert "hush" not in f"{caught.value} {caught.value.hint}"
    assert "hu/sh" not in f"{caught.value} {caught.value.hint}"


def test_a_neo4j_password_comes_from_a_file(tmp_path: Path) -> None:
    """A file holds the password without its end of line; one that cannot be read, or is empty, is refused by name."""
    file = tmp_path / "secret"
    settings = Neo4jSettings.from_environment({"NEO4J_PASSWORD_FILE": str(file)})
    with pytest.raises(InputError, match="cannot be read"):
        address_of("neo4j://h", settings)
    file.write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        address_of("neo4j://h", settings)
    file.write_text("pa ss \n")
    address = address_of("neo4j://ada@h/graph", settings)
    assert (address.user, address.password, address.database, address.uri) == (
        "ada",
        "pa ss ",
        "graph",
        "neo4j://h:7687",
    )
    assert "pa ss" not in f"{address!r} {settings!r}"
