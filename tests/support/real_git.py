"""The git of the tests' own servers: found once, and run without the configuration of the user."""

from __future__ import annotations

import os
import shutil

GIT = shutil.which("git") or "git"

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
"""Taken when this is imported: a test may hide git from the code under test by changing PATH."""
