"""Spellings of licences: which texts are the same name, and which links are the same address."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

_FILLERS = frozenset({"the", "license", "licence", "licensed", "under", "agreement", "version", "gnu"})
"""Words without which a name means the same: "the MIT License", "Apache License, Version 2.0"."""

_SEPARATORS = re.compile(r"[\s\-_,:;\"'“”‘’()]+")

_VERSION = re.compile(r"v\.?(?=\d)")

_ZERO = re.compile(r"(?<=\d)\.0(?![\d.])")

MAX_LINK = 2_000
"""Characters of a link beyond which it is not looked at; browsers and servers refuse longer ones too."""

_REVISION = re.compile(r"/(?:blob|resolve|raw|tree)/[^/]+(?=/|$)")

_CREATIVE_COMMONS = re.compile(r"/(?:legalcode|deed)(?:\.[a-z-]+)?$")


def key(text: str) -> str:
    """Reduce a name to what distinguishes it: `Apache License, Version 2.0` and `apache-2.0` have the same key.

    Only separators, filler words, the `v` before a version and a version's last `.0` are left out. Every other
    character stays, so that a text with an additional word (`MIT, modified`) is another name.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = [_VERSION.sub("", word) for word in _SEPARATORS.split(plain) if word not in _FILLERS]
    return _ZERO.sub("", "".join(words))


def link_key(link: str) -> str | None:
    """Reduce a web address to host and path in lower case, without scheme, revision, suffix of a text file and `/`.

    None if it is not a web address: a path in the repository, or too long a text.
    """
    text = link.strip()
    if len(text) > MAX_LINK:
        return None
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:  # an address of IPv6 that is not closed, a netloc with other characters under NFKC
        return None
    host = (parts.hostname or "").removeprefix("www.")
    if "." not in host or parts.scheme not in {"http", "https"}:
        return None
    host = "huggingface.co" if host == "hf.co" else host
    path = _REVISION.sub("", unquote(parts.path).rstrip("/"))
    if host == "creativecommons.org":
        path = _CREATIVE_COMMONS.sub("", path)
    path = re.sub(r"(?i)(/licen[cs]e[^/]*)\.(?:md|txt)$", r"\1", path)
    return f"{host}{path}".casefold()
