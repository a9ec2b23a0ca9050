"""Secrets taken out of every text that leaves: messages, hints, tracebacks, log records, details in answers.

Two kinds of secrets are found. Some have a form: logins and queries of URLs, authorization headers, tokens of the Hub.
Others are known by their value, because a server may repeat them in any form: those in the environment, and those that
our code received otherwise and passed to `keep_secret` (the token of a login, a password from a file or a prompt).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "NEO4J_PASSWORD", "NEO4J_SOURCE_PASSWORD")
"""Variables whose values are secrets."""

SHORT, LONG = 4, 8
"""Characters of a secret. One of LONG or more is replaced wherever it occurs, a shorter one only as a whole word: as a
part of words and paths it occurs by chance. One below SHORT is not replaced."""

_FORMS = (
    (r"(?i)\b(authorization[\"']?\s*[:=])\s*[\"']?(?:(?:bearer|basic)\s+)?[^\s\"']+", r"\1 ***"),
    (r"(?i)\b(bearer|basic)\s+(?=[^\s\"']*[0-9=])[^\s\"']{6,}", r"\1 ***"),
    (r"(?i)\b(x-(?:amz|goog)-(?:signature|credential|security-token)|signature|access_token|token)=[^\s&'\"<>]{4,}",
     r"\1=***"),
    (r"(?<![\w/])hf_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{8,}\b", "hf_***"),  # not the id of a model: org/hf_…
    (r"\bhf_[A-Za-z0-9]{30,}\b", "hf_***"),
)  # fmt: skip
"""Patterns and their replacements. They are compiled with the first text, not at every start."""

_kept: set[str] = set()


def keep_secret(*values: str | None) -> None:
    """Remember secrets that are not in the environment, so that `without_secrets` replaces them from now on."""
    _kept.update(value for value in values if value)


def without_secrets(text: str) -> str:
    """Replace logins and queries of URLs, authorization headers, tokens and known secrets by `***`.

    Texts may be hostile and long, so every step takes linear time.
    """
    for value in _known():
        if value in text:
            text = _without(value, text)
    if "://" in text:
        text = "".join(_without_login(word) for word in re.split(r"(\s+)", text))
    for pattern, instead in _FORMS:
        text = re.sub(pattern, instead, text)
    return text


def _known() -> Iterator[str]:
    """List the secrets that are known by value, each also as a URL writes it, the longest first."""
    from urllib.parse import quote

    values = {*_kept, *(os.environ.get(name, "").strip() for name in VARIABLES)}
    forms = {form for value in values for form in (value, quote(value, safe="", errors="surrogateescape"))}
    yield from sorted((form for form in forms if len(form) >= SHORT), key=lambda form: (-len(form), form))


def _without(value: str, text: str) -> str:
    if len(value) >= LONG:
        return text.replace(value, "***")
    return re.sub(rf"(?<![\w/.-]){re.escape(value)}(?![\w/.-])", "***", text)


def _without_login(word: str) -> str:
    """Remove the login and the query from the URL in a word: up to the last @, and from the first ? or # to a quote.

    Login and query are removed from the first URL; a further one in the same word is a part of one of them.
    """
    before, found, rest = word.partition("://")
    if not found or not re.search(r"(?i)[a-z][a-z0-9+.-]{0,20}$", before[-30:]):
        return word
    _, at, host = rest.rpartition("@")
    rest = f"***@{host}" if at else rest
    marks = [place for place in (rest.find("?"), rest.find("#")) if place >= 0]
    quoted = re.search(r"['\"]", rest)
    start = min(marks, default=-1)
    if start < 0 or (quoted and quoted.start() < start):
        return before + found + rest
    end = re.search(r"['\"]", rest[start:])
    return f"{before}{found}{rest[:start]}?***{rest[start + end.start() :] if end else ''}"
