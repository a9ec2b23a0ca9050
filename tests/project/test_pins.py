"""Every version that is installed is the one that pyproject.toml pins."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.shared import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

PINS: list[str] = PYPROJECT["tool"]["uv"]["constraint-dependencies"]

HINT = "run `make pins` after a change of dependencies, `uv sync` after a change of pins"


def groups(name: str) -> Iterator[str]:
    """List the requirements of a dependency group with those that it includes."""
    for entry in PYPROJECT["dependency-groups"][name]:
        if isinstance(entry, dict):
            yield from groups(entry["include-group"])
        else:
            yield entry


def applies(requirement: Requirement, extras: Iterable[str] = ()) -> bool:
    """Return whether a requirement applies on this machine, with any of the requested extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras})


def closure(roots: Iterable[str]) -> dict[str, str]:
    """Find the installed version of everything that `roots` need here, by name."""
    found: dict[str, str] = {}
    waiting = [Requirement(root) for root in roots]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        if (name, frozenset(need.extras)) in seen or not applies(need):
            continue
        seen.add((name, frozenset(need.extras)))
        installed = metadata.distribution(name)
        found[name] = installed.version
        for line in installed.requires or []:
            inner = Requirement(line)
            if applies(inner, need.extras):
                inner.marker = None
                waiting.append(inner)
    return found


def differences(pins: Iterable[str], installed: dict[str, str]) -> list[str]:
    """Report for each installed distribution what is wrong with its pin."""
    pinned: dict[str, str] = {canonicalize_name(p.name): str(p.specifier) for p in map(Requirement, pins) if applies(p)}
    unpinned = [f"{name} {version}: not pinned" for name, version in installed.items() if name not in pinned]
    return unpinned + [
        f"{name} {version}: pinned{pinned[name]}"
        for name, version in installed.items()
        if name in pinned and pinned[name] != f"=={version}"
    ]


@pytest.fixture(scope="module")
def installed() -> dict[str, str]:
    return closure([*PYPROJECT["project"]["dependencies"], *groups("dev")])


def test_installed_versions_are_the_pinned_ones(installed: dict[str, str]) -> None:
    """The tests run on the pinned versions."""
    assert len(installed) > 40
    assert differences(PINS, installed) == [], HINT


def test_a_moved_or_missing_pin_is_noticed(installed: dict[str, str]) -> None:
    """The comparison finds an installed version that differs and a transitive dependency without a pin."""
    fewer = [pin for pin in PINS if not pin.startswith("pydantic-core==")]
    assert differences(fewer, installed) == [f"pydantic-core {installed['pydantic-core']}: not pinned"]
    newer = installed | {"click": "99.0"}
    assert differences(PINS, newer) == [f"click 99.0: pinned=={installed['click']}"]


def test_every_pin_is_exact() -> None:
    """Each pin is one exact version, so that every developer tests the same versions."""
    for table in ("constraint-dependencies", "build-constraint-dependencies"):
        pins = [Requirement(pin) for pin in PYPROJECT["tool"]["uv"][table]]
        assert pins
        assert [str(p) for p in pins if [s.operator for s in p.specifier] != ["=="] or p.url] == []


def test_build_dependencies_are_pinned_alike() -> None:
    """The build backend of an installation has the same version as in the tests."""
    build = set(PYPROJECT["tool"]["uv"]["build-constraint-dependencies"])
    assert {Requirement(r).name for r in PYPROJECT["build-system"]["requires"]} <= {Requirement(b).name for b in build}
    assert build <= set(PINS)


def test_no_download_host_is_named() -> None:
    """A mirror is the installer's choice: neither pyproject.toml nor a committed lock file names a host."""
    assert "://" not in (ROOT / "pyproject.toml").read_text("utf-8")
    assert "uv.lock" in (ROOT / ".gitignore").read_text("utf-8").split()
    if (ROOT / ".git").exists():
        tracked = subprocess.run(["git", "ls-files", "uv.lock"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert tracked.stdout == ""
