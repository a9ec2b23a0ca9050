"""The search for the project file: which folders it visits, and how messages name the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lineage.answers.project import read_project
from lineage.errors import InputError


@pytest.mark.parametrize("start", [None, Path(), Path("b"), Path("../a/b/.")])
def test_the_search_goes_up_from_a_relative_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Path | None
) -> None:
    """The current folder's own place counts: the file of a folder above it has the settings, named from here."""
    (tmp_path / "tree/a/b").mkdir(parents=True)
    (tmp_path / "tree/.git").mkdir()
    (tmp_path / "tree/lineage.toml").write_text("")
    monkeypatch.chdir(tmp_path / "tree/a")
    project = read_project(start=start)
    assert project is not None
    assert project.shown == "../lineage.toml"
    (tmp_path / "tree/a/lineage.toml").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^tree/a/lineage.toml:1: "):
        read_project(start=Path("tree/a"))


def test_the_search_goes_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    """The nearest file counts, those of the repository's folders above are searched, and none above its root."""
    inner = tmp_path / "tree/a/b"
    inner.mkdir(parents=True)
    (tmp_path / "lineage.toml").write_text("")
    above = read_project(start=inner)
    assert above is not None
    assert above.shown == str(tmp_path / "lineage.toml")
    (tmp_path / "tree/.git").write_text("gitdir: elsewhere\n")
    assert read_project(start=inner) is None
    (tmp_path / "tree/pyproject.toml").write_text("[tool.lineage]\n[tool.other]\n")
    (tmp_path / "tree/a/pyproject.toml").write_text("[tool.other]\nlineage = 1\n")
    found = read_project(start=inner)
    assert found is not None
    assert found.shown == str(tmp_path / "tree/pyproject.toml")
    (inner / "lineage.toml").write_text("")
    nearest = read_project(start=inner)
    assert nearest is not None
    assert nearest.shown == str(inner / "lineage.toml")


def test_outside_of_a_repository_the_search_ends_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a repository, folders above are searched up to the home folder."""
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "lineage.toml").write_text("")
    assert read_project(start=home / "work") is None
    (home / "lineage.toml").write_text("")
    assert read_project(start=home / "work") is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_a_folder_of_another_user_is_not_searched(tmp_path: Path) -> None:
    """A file in a folder above that belongs to another user decides nothing here."""
    mine = tmp_path / "shared/mine"
    mine.mkdir(parents=True)
    (tmp_path / "shared/lineage.toml").write_text("")
    assert read_project(start=mine) is not None
    os.chown(tmp_path / "shared", 65534, 65534)
    assert read_project(start=mine) is None
