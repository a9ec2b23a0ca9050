"""Which files of a model are documents: no loader reads them."""

from __future__ import annotations

import re

from lineage.fingerprint.weight_files import is_weight_file

_DOCUMENT = re.compile(
    r"(?:.*/)?(?:\.[^/]*|[^/]*\.(?:md|rst|pdf|png|jpe?g|gif|svg|webp)|(?:licen[cs]e|notice|copying)[^/]*"
    r"|(?:readme|notes?|changelog|authors|citation)(?:\.(?:txt|cff))?)",
    re.IGNORECASE,
)
"""Hidden files, documents, pictures, texts of licences; but see `is_document`. Other texts may be vocabularies."""

_CODE = (".py", ".so", ".pyd", ".pyc")
"""Suffixes of what a loader may import, even from `license.py`."""


def is_document(path: str) -> bool:
    """Return whether no loader reads a file; weights and code are read under any name that a pattern finds."""
    if path.lower().endswith(_CODE) or is_weight_file(path):
        return False
    return _DOCUMENT.fullmatch(path) is not None
