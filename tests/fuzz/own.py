"""Targets of what users give: dumps, project files, targets and options."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click

from lineage.answers.project import read_project
from lineage.errors import InputError
from lineage.fingerprint.tensor_table import check_tensors
from lineage.hub.bounds import MAX_SIZE
from lineage.hub.target import parse_target
from lineage.store.checking.rules import check_store
from lineage.store.memory import MemoryStore
from lineage.store.migrations import SCHEMA_VERSION
from lineage.store.moving.jsonl import FORMAT, VERSION, read_jsonl, write_jsonl
from lineage.store.moving.sections import ATTACHMENTS, AWAITED, SECTIONS
from lineage_cli._options import Bytes
from tests.fuzz.target import Read, Target, plain
from tests.support.dump import dump
from tests.support.graphs import AWAITING, FULL_FAMILY


def _read_dump(data: bytes) -> object:
    """Import a dump; rows without a first and a last line get those that count and hash them.

    What is refused leaves the store as it was. What is imported are records, and the store's export is the same again.
    """
    raw = data if data.startswith(b'{"') and b'"format"' in data[:200] else sealed(data)
    store = MemoryStore()
    try:
        sums = read_jsonl(store, io.BytesIO(raw), "dump.jsonl", read_table=check_tensors)
    except InputError:
        with store.reading() as view:
            assert list(dump(view, clocks=True)) == []
        raise
    with store.reading() as view:
        assert [fault for fault in check_store(view, check_table=check_tensors) if fault.rule == "invalid-record"] == []
        file = io.BytesIO()
        written = write_jsonl(view, file)
    again = MemoryStore()
    assert read_jsonl(again, io.BytesIO(file.getvalue()), "again.jsonl").digest() == written.digest()
    return sums.digests()


def sealed(rows: bytes) -> bytes:
    """Write a first line that counts the rows, and a last line with their digests, as an export does."""
    from lineage.store.graph import ENDS
    from lineage.store.promoted import PROMOTED, canonical

    counts: dict[str, int] = {}
    hashes: dict[str, list[str]] = {}
    for line in rows.split(b"\n"):
        try:
            row: Any = json.loads(line)
            section = str(row.get("node") or row.get("edge") or (AWAITED if AWAITED in row else ATTACHMENTS))
            hashes.setdefault(section, []).append(canonical(row))
            counts[section] = counts.get(section, 0) + 1
        except (ValueError, AttributeError, RecursionError):
            continue
    head = {"format": FORMAT, "version": VERSION, "schema_version": SCHEMA_VERSION,
            "nodes": {kind: counts.get(kind, 0) for kind in PROMOTED},
            "edges": {kind: counts.get(kind, 0) for kind in ENDS}}  # fmt: skip
    end = {"end": {section: _digest(hashes.get(section, [])) for section in SECTIONS}}
    return canonical(head).encode() + b"\n" + rows.rstrip(b"\n") + b"\n" + canonical(end).encode() + b"\n"


def _digest(lines: list[str]) -> str:
    from hashlib import sha256

    return "sha256:" + sha256("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")).hexdigest()


def _dump_seeds() -> Iterator[bytes]:
    for batch in (FULL_FAMILY, AWAITING):
        store = MemoryStore()
        store.write(batch)
        file = io.BytesIO()
        with store.reading() as view:
            write_jsonl(view, file)
        lines = file.getvalue().split(b"\n")
        yield b"\n".join(lines)
        yield b"\n".join(lines[1:-2])
        for start in range(1, len(lines) - 2, 12):
            yield b"\n".join(lines[start : start + 12])


@contextmanager
def _projects() -> Iterator[Read]:
    """Give inputs to the reader of a project file, under both of its names."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        place = Path(folder)

        def read(data: bytes) -> object:
            found: list[object] = []
            for name, text in (("lineage.toml", data), ("pyproject.toml", b"[tool.lineage]\n" + data)):
                (place / name).write_bytes(text)
                try:
                    project = read_project(start=place, today=date(2026, 1, 1))
                    found.append([project.file, project.ignores, dict(project.moved)] if project else None)
                except InputError as error:
                    found += [_one_line_about(str(place / name), error.message).replace(f"{place}/", ""), error.hint]
                (place / name).unlink()
            return found

        yield read


def _one_line_about(name: str, message: str) -> str:
    assert message.startswith(name)
    assert "\n" not in message
    return message


def _project_seeds() -> Iterator[bytes]:
    yield b""
    yield (
        b'[rules]\nmoved-tag = "info"\n\n[[ignore]]\nrule = "moved-tag"\nmodel = "org/*"\nreason = "known"\n'
        b"until = 2026-01-01\n"
    )
    yield b'models = ["a/b"]\nignore = [{rule = "LW001", model = "a/b", reason = """x\ny"""}]\n# comment\n'
    yield b'"rules" . \'moved-tag\' = "off"\na.b.c = {d = [1, 2.5, 1979-05-27T07:32:00Z, inf]}\n'


def _read_target(data: bytes) -> object:
    target = parse_target(data.decode(errors="replace"))
    assert str(parse_target(str(target))) == str(target)
    return str(target)


def _target_seeds() -> Iterator[bytes]:
    yield from (
        b"org/name@v1.0", b"gpt2", b"./folder", b"~/models/x", b"~root/x", b"org/name@refs/pr/1",
        b"a/b@folder:" + b"a" * 64,
        b"https://huggingface.co/org/name", b"~\0", b"/", b"C:\\x",
    )  # fmt: skip


def _read_size(data: bytes) -> object:
    found = Bytes().convert(data.decode(errors="replace"), None, None)
    assert 0 <= found <= MAX_SIZE
    return found


def _size_seeds() -> Iterator[bytes]:
    yield from (b"64000000", b"64MB", b"2GiB", b"1.5 tb", b"1e3", b"nan", b"-1", b"0x10", b"1_000", b"inf kB")


TARGETS = (
    Target(
        "dump",
        plain(_read_dump),
        (InputError,),
        _dump_seeds,
        (
            b'"properties":{',
            b'"key":"',
            b'"node":"Model"',
            b'"edge":"CONTAINS"',
            b'"state":"weird"',
            b'"aliases":7',
            b"1e3",
            b'"collected_at":"2024-13-01"',
            b"9223372036854775808",
            b'{"attachment":"text","data":"","key":"x"}\n',
        ),
        40,
    ),
    Target(
        "project-file",
        _projects,
        (),
        _project_seeds,
        (
            b"[rules]\n",
            b"[[ignore]]\n",
            b"rule = ",
            b"until = ",
            b"2026-13-01",
            b'"""',
            b"'''",
            b"= {",
            b" = ",
            b"#",
            b"0x1",
        ),
        50,
    ),
    Target(
        "target",
        plain(_read_target),
        (InputError,),
        _target_seeds,
        (b"@", b"~", b"/", b"..", b".git", b"--", b"folder:"),
    ),
    Target(
        "size", plain(_read_size), (click.BadParameter,), _size_seeds, (b"KB", b"GiB", b"e308", b"_", b".", b"\xd9\xa3")
    ),
)
