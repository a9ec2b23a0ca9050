"""Targets of results of evaluations: lines, tables, and the claims of a model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lineage.errors import InputError
from lineage.evals.read import read_results
from lineage.hub.declared.claims import file_claims
from lineage.hub.declared.parsing import NotReadableError
from tests.fuzz.target import Read, Target, plain
from tests.support.evals import plain_rows, samples


def _reader(name: str) -> Callable[[], AbstractContextManager[Read]]:
    """Give inputs to the reader as a file of a name."""

    @contextmanager
    def opened() -> Iterator[Read]:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            path = Path(folder) / name

            def read(data: bytes) -> object:
                path.write_bytes(data)
                found = read_results(str(path))
                for table in found.tables.values():
                    assert len(table) == len(table.values) == len(table.places)
                    assert all(value - value == 0 for value in table.values), "a score is finite"
                problems = [(problem.what.replace(folder, ""), problem.reason) for problem in found.problems]
                return [[list(key), len(table)] for key, table in found.tables.items()], problems

            yield read

    return opened


def _lines() -> Iterator[bytes]:
    for task in ("toy_choice", "toy_sums", "toy_notes"):
        yield "".join(json.dumps(row) + "\n" for row in samples("old", task)[:3]).encode()
    yield "".join(json.dumps(row) + "\n" for row in list(plain_rows("old"))[:5]).encode()
    yield json.dumps(samples("old", "toy_sums")[:3]).encode()


def _tables() -> Iterator[bytes]:
    yield b'id,correct,prediction\n1,1,a\n2,0,"b\n c"\n'
    yield b"\xef\xbb\xbfID;Score;Task\n1;0,5;x\n2;nan;x\n"
    yield b"id\tcorrect\tscore\tmetric\n1\ttrue\t0.5\tem\n"


def _claims() -> Iterator[bytes]:
    yield b"- dataset: {id: cais/hle, task_id: default}\n  value: 20.9\n- dataset: {id: x}\n  value: [1]\n"
    yield b"dataset:\n  id: &a x\n  task_id: *a\nvalue: 1e400\n"


def _read_claims(data: bytes) -> object:
    return [claim._asdict() for claim in file_claims(".eval_results/a.yaml", data)]


TARGETS = (
    Target(
        "results-lines",
        _reader("a.jsonl"),
        (InputError,),
        _lines,
        (
            b'"filtered_resps": [[',
            b'"arguments": {"gen_args_0": ',
            b'"metrics": ["acc"]',
            b'"acc": NaN',
            b"1e999",
            b'"target": "',
            b'"doc_hash": "',
            b'"id": ',
            b'"correct": ',
            b'"score": ',
            b"\\ud800",
            b"{}",
        ),
        50,
    ),
    Target(
        "results-csv", _reader("a.csv"), (InputError,), _tables, (b'"', b",", b";", b"\t", b"\0", b"id", b"nan"), 50
    ),
    Target("claims-file", plain(_read_claims), (NotReadableError,), _claims, (b"dataset:", b"value:", b"- ", b"*a")),
)
