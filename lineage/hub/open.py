"""Opening the Hub that a person named with `--hub`."""

from __future__ import annotations

from pathlib import Path

from lineage.errors import InputError
from lineage.hub.interface import Hub
from lineage.log import Log
from lineage.progress import SILENT, Progress
from lineage.settings import Settings

LOG = Log(__name__)

CACHE = "cache"


def open_hub(selector: str | None, settings: Settings, *, offline: bool = False, progress: Progress = SILENT) -> Hub:
    """Open the endpoint of the settings (None), the Hub client's cache (`cache`), or a directory.

    Raises InputError for a directory that is not there, with what the person may have meant.
    """
    LOG.info("opening the Hub %s%s", selector or settings.endpoint, ", offline" if offline else "")
    if selector is None:
        from lineage.hub.huggingface.hub import HuggingFaceHub

        return HuggingFaceHub(settings, offline=offline, progress=progress)
    if selector == CACHE:
        from lineage.hub.local.cache import CacheHub

        return CacheHub(settings, progress=progress)
    return _open_directory(selector, settings, progress)


def _open_directory(selector: str, settings: Settings, progress: Progress) -> Hub:
    from lineage.hub.local.directory import DirectoryHub, is_bare_repository

    if "://" in selector:
        raise InputError(f"--hub {selector} is a URL", hint=f"another endpoint is set with HF_ENDPOINT={selector}")
    try:
        folder = Path(selector).expanduser()
        exists = folder.is_dir()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"--hub {selector!r} is no folder: {error}") from error
    if not exists:
        raise InputError(f"--hub {selector}: there is no such folder", hint=_hint(selector))
    if is_bare_repository(folder):
        hint = f"give the folder above it to --hub, or the model itself as target: ./{folder.name}"
        raise InputError(f"--hub {selector} is one repository and no directory of models", hint=hint)
    return DirectoryHub(folder, settings, progress=progress)


def _hint(selector: str) -> str:
    from lineage.hub.target import repository_id_problem

    if "/" in selector and repository_id_problem(selector) is None:
        return f"{selector} looks like a model: give it as target, and to --hub a folder of models or the word cache"
    return "give a folder that holds org/name folders, or the word cache"
