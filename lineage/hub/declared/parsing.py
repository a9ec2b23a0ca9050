"""Reading small files whose content is not trusted: within limits, and every failure is a NotReadableError."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lineage.hub.card import BoundError, RepeatedKeyError, parse_json_object, refuse_repeated_keys, yaml_loader
from lineage.hub.interface import MAX_TEXT_BYTES, too_long
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
    """Read the documents of a YAML file that are mappings.

    Raises NotReadableError, also where a key occurs twice in one mapping: it is unknown which value counts.
    """
    import yaml

    text = text_of(data)
    try:
        documents = list(_documents(text))
    except RecursionError as error:
        raise NotReadableError("nested too deeply") from error
    except (RepeatedKeyError, BoundError) as error:
        raise NotReadableError(str(error)) from error
    except (yaml.YAMLError, ValueError, TypeError, KeyError, OverflowError) as error:
        # The safe loader's constructors raise errors of their own: impossible dates, unhashable keys, bad numbers.
        raise NotReadableError("no YAML") from error
    mappings = [document for document in documents if isinstance(document, dict)]
    if not mappings:
        raise NotReadableError("no YAML mapping")
    return mappings


def _documents(text: str) -> Iterator[Any]:
    """Load the documents of a YAML text safely, each as soon as its keys were found to be unique."""
    loader = yaml_loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            refuse_repeated_keys(node)
            yield loader.construct_document(node)
    finally:
        loader.dispose()
