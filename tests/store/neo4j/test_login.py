"""Where the password of a Neo4j store may come from; no server is needed."""

from __future__ import annotations

import io
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import InputError, LineageError, StoreError
from lineage.settings.neo4j_login import Neo4jSettings
from lineage.store.neo4j.connection import address_of
from lineage.store.open import open_store

PIECES = ("Zq1x", "Xk2y", "Wv3z")
"""The parts of the passwords in these tests: no message contains any of them."""

ODD = st.text(st.sampled_from("@:/?#%[]+&=;,! .\\é\t\n"), max_size=3)


@st.composite
def passwords(draw: st.DrawFn) -> str:
    """Generate a password that no URL parser expects, or one that is quoted correctly."""
    text = draw(ODD).join(PIECES) + draw(ODD)
    return quote(text, safe="") if draw(st.booleans()) else text


def said(url: str) -> str:
    """Run `lineage store info` on a URL that is refused, and return all its output."""
    from lineage_cli.main import main

    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out), pytest.raises(SystemExit) as ended:
        main.main(["store", "info", f"--store={url}"])
    assert ended.value.code == 2
    return out.getvalue()


@pytest.mark.parametrize(
    "form",
    ["neo4j://u:{}@h", "bolt+s://:{}@h:7687/db", "bolt://u%3A{}@h", "bolt://u%253A{}@h", "neo4j:u:{}@h", " bolt://u:{}@h",
     "bolt:/u:{}@h", "neoj://u:{}@h", "postgres://u:{}@h/db", "sqlite://u:{}@h/db"],
)  # fmt: skip
@settings(max_examples=40, deadline=None)
@given(passwords())
def test_no_piece_of_a_neo4j_password_in_a_url_is_printed(form: str, password: str) -> None:
    """A URL with a password is refused, and no part of the password is printed."""
    told = said(form.format(password))
    assert not [piece for piece in PIECES if piece in told], told
    assert "a bug" not in told


@pytest.mark.parametrize("url", ["neo4j://h?password=Zq1x", "neo4j://u:Zq1x", "bolt://u:Zq1x/db"])
def test_a_neo4j_password_in_an_odd_place_is_not_printed(url: str) -> None:
    """That holds for a missing @ and for a query parameter too, also in a traceback."""
    with pytest.raises(InputError) as caught:
        open_store(url)
    assert "Zq1x" not in f"{caught.value} {caught.value.hint} {''.join(traceback.format_exception(caught.value))}"


def test_a_neo4j_password_comes_from_a_file(tmp_path: Path) -> None:
    """A file gives the password without its end of line; any other file is an error that names it."""
    file = tmp_path / "secret"
    settings = Neo4jSettings.from_environment({"NEO4J_PASSWORD_FILE": str(file)})
    with pytest.raises(InputError, match="cannot be read"):
        address_of("neo4j://h", settings)
    faults = {
        b"\n": "is empty", b"a\nb\n": "more than one line", b"x" * 5000: "more than one line",
        b"\xff\xfea\0": "not UTF-8 text",
    }  # fmt: skip
    for content, fault in faults.items():
        file.write_bytes(content)
        with pytest.raises(InputError, match=fault):
            address_of("neo4j://h", settings)
    file.write_bytes(b"\xef\xbb\xbfhush\r\n")
    assert address_of("neo4j://h", settings).password == "hush"
    file.write_text("pa ss \n")
    address = address_of("neo4j://ada@h/graph", settings)
    assert (address.user, address.password, address.database, address.uri) == (
        "ada",
        "pa ss ",
        "graph",
        "neo4j://h:7687",
    )
    assert "pa ss" not in f"{address!r} {settings!r}"


def test_a_neo4j_password_file_of_nobody() -> None:
    """The home folder of an unknown user is an error that names the variable."""
    with pytest.raises(InputError, match="NEO4J_PASSWORD_FILE: '~nosuchuser/x' is not a file"):
        Neo4jSettings.from_environment({"NEO4J_PASSWORD_FILE": "~nosuchuser/x"})


@pytest.mark.parametrize("url", ["neo4j://h/system", "neo4j://h"], ids=["by URL", "by environment"])
def test_the_neo4j_database_of_users_is_no_store(url: str) -> None:
    """The server's system database is refused before the login, with a hint to name another."""
    with pytest.raises(InputError, match="system database") as caught:
        address_of(url, Neo4jSettings.from_environment({"NEO4J_DATABASE": "System"}))
    assert "NEO4J_DATABASE" in (caught.value.hint or "")


def test_a_neo4j_source_may_have_a_login_of_its_own(tmp_path: Path) -> None:
    """Each variable of the source precedes the common one; either password variable replaces both."""
    (tmp_path / "secret").write_text("of the file\n", "utf-8")
    common = {"NEO4J_USERNAME": "us", "NEO4J_DATABASE": "ours", "NEO4J_PASSWORD": "common"}
    file = {"NEO4J_SOURCE_PASSWORD_FILE": str(tmp_path / "secret"), "NEO4J_SOURCE_USERNAME": "them"}

    def login(environ: dict[str, str], *, source: bool = True, url: str = "neo4j://h") -> tuple[object, ...]:
        found = address_of(url, Neo4jSettings.from_environment(environ, source=source))
        return found.user, found.database, found.password

    assert login(common) == login(common, source=False) == ("us", "ours", "common")
    assert login({**common, **file}) == ("them", "ours", "of the file")
    assert login({**common, **file}, source=False) == ("us", "ours", "common")
    assert login({**common, **file}, url="neo4j://me@h/there") == ("me", "there", "of the file")
    assert login({**common, "NEO4J_SOURCE_DATABASE": "theirs", "NEO4J_SOURCE_PASSWORD": "s"}) == ("us", "theirs", "s")
    with pytest.raises(InputError, match=r"^NEO4J_SOURCE_PASSWORD_FILE: "):
        login({**common, "NEO4J_SOURCE_PASSWORD_FILE": str(tmp_path / "none")})


def test_a_copy_logs_in_to_a_neo4j_source_as_the_source_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the store that is read uses the variables of the source."""
    from lineage.answers.moving import store_copy
    from lineage.answers.session import Session

    monkeypatch.setenv("NEO4J_PASSWORD", "common")
    monkeypatch.setenv("NEO4J_SOURCE_PASSWORD_FILE", str(tmp_path / "none"))
    for source, target, words in (
        ("neo4j://127.0.0.1:9", str(tmp_path / "graph.db"), "^NEO4J_SOURCE_PASSWORD_FILE: "),
        (str(tmp_path / "graph.db"), "neo4j://127.0.0.1:9", "does not answer"),
    ):
        with Session(store_url="memory:") as session, pytest.raises(LineageError, match=words):
            store_copy(session, source, target)
    monkeypatch.setenv("NEO4J_SOURCE_PASSWORD_FILE", "")
    with Session(store_url="memory:") as session, pytest.raises(InputError, match="the same store"):
        store_copy(session, "neo4j://127.0.0.1:9", "neo4j://127.0.0.1:9")
    monkeypatch.setenv("NEO4J_SOURCE_DATABASE", "theirs")
    with Session(store_url="memory:") as session, pytest.raises(StoreError, match="does not answer"):
        store_copy(session, "neo4j://127.0.0.1:9", "neo4j://127.0.0.1:9")
