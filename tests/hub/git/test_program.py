"""The program called git on a person's PATH, which need not be git."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.errors import HubError
from lineage.hub.local.folder import open_folder
from lineage.settings.environment import Settings
from tests.support.bare_repository import BareRepository

FAKES = {
    "silent": ("exit 0", "is not git: `git --version` printed ''"),
    "garbage": ("echo hello; echo world", "printed 'hello"),
    "failing": ("echo git version 2.50.0; exit 3", "is not git"),
    "pretending": ('[ "$1" = --version ] && echo git version 2.50.0; exit 0', "did not report where"),
    "old": ("echo git version 2.17.1", "too old: git version 2.17"),
}


def path_with(folder: Path, script: str | None) -> str:
    """Make a PATH on which git is a script, or nothing."""
    folder.mkdir()
    if script is not None:
        (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "git").chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("fake", [*FAKES, None])
def test_a_repository_without_git_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: str | None
) -> None:
    """A program that is not git, is too old, or is missing is named, with what to install."""
    repository = BareRepository(tmp_path / "model.git")
    repository.commit({"config.json": b"{}"})
    script, words = FAKES[fake] if fake else (None, "not installed")
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin", script))
    settings = Settings.from_environment({"LINEAGE_CACHE": str(tmp_path / "cache")})
    with open_folder(repository.git_dir, settings) as hub, pytest.raises(HubError, match=words) as caught:
        hub.snapshot(hub.resolve(hub.model))
    assert fake == "pretending" or "2.31" in (caught.value.hint or "")
