"""Reading small files whose content is not trusted: within limits, and every failure is a NotReadableError."""

from __future__ import annotations

from typing import Any

from lineage.hub.bounds import BoundError
from lineage.hub.interface import MAX_TEXT_BYTES, too_long
from lineage.hub.json_text import parse_json_object
from lineage.redaction import without_secrets


class NotReadableError(ValueError):
    """Report why a file cannot be read.

    The text is kept in stores as evidence, whose id is the hash of its content: another wording is another id. It may
    quote the file, but no secret of this machine.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(without_secrets(reason))


def content_of(data: bytes | None) -> bytes:
    """Return the content of a text that is at hand and not too long. Raises NotReadableError."""
    if data is None:
        raise NotReadableError("its content is not available")
    if len(data) > MAX_TEXT_BYTES:
        raise NotReadableError(too_long(len(data)))
    return data


def text_of(data: bytes | None) -> str:
    """Decode a small file. Raises NotReadableError."""
    try:
        return content_of(data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotReadableError("no UTF-8 text") from error


def json_object(data: bytes | None) -> dict[str, Any]:
    """Read a JSON file that holds an object, by the rules of `parse_json_object`. Raises NotReadableError."""
    value, problem = parse_json_object(content_of(data))
    if value is None:
        raise NotReadableError(problem or "no JSON object")
    return value


def yaml_documents(data: bytes | None) -> list[dict[str, Any]]:
    """Read the documents of a YAML file that are mappings; values that aliases share are shared in the result.

    Raises NotReadableError, also where a key occurs twice in one mapping: it is unknown which value counts.
    """
    from lineage.hub.yaml_text import YamlError, read_yaml

    try:
        documents = read_yaml(text_of(data), unfold=False)
    except BoundError as error:
        raise NotReadableError(str(error)) from error
    except YamlError as error:
        raise NotReadableError("no YAML") from error
    repeat = next((document.repeats.first for document in documents if document.repeats.first), None)
    if repeat is not None:
        raise NotReadableError(repeat)
    mappings = [document.value for document in documents if isinstance(document.value, dict)]
    if not mappings:
        raise NotReadableError("no YAML mapping")
    return mappings
