"""Baselines: findings that a product has today and accepts, so that only new ones fail.

A baseline lists rule, model and file of the product, and no lines: text that moves inside a file makes no new finding.
An entry of a finding that was milder than its rule has its severity too: that a signature could not be checked (info)
does not accept one that is wrong (error).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lineage.atomic import replacing
from lineage.errors import InputError
from lineage.rules.table import find_rule
from lineage_schemas.answers.audit import AuditFinding
from lineage_schemas.answers.finding import SEVERITIES, Ignored, Severity

VERSION = 1
"""The version of the file's form."""

MAX_BYTES = 50_000_000
"""Bytes of a baseline that are read."""

REASON = "in the baseline"

Key = tuple[str, str, str | None]
"""Rule (by name), model and file of a finding; no file where the finding has no place in the product."""

Accepted = Mapping[Key, Severity]
"""The findings that are accepted, and up to which severity."""

HINT = "write it again with --update-baseline"


def read_baseline(path: Path) -> Accepted:
    """Read a baseline. Raises InputError for a file that is not one, with what is wrong in it."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"the baseline {path} is not a regular file", hint="check --baseline")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        hint = "--update-baseline writes it" if isinstance(error, FileNotFoundError) else "check --baseline"
        raise InputError(f"the baseline {path} cannot be read: {error.strerror}", hint=hint) from error
    if len(data) > MAX_BYTES:
        raise InputError(f"the baseline {path} has more than {MAX_BYTES:,} bytes", hint=HINT)
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the baseline {path} is not JSON: {error}", hint=HINT) from error
    found: dict[Key, Severity] = {}
    for number, each in enumerate(_entries(path, content), 1):
        key, severity = _entry(path, each, number)
        found[key] = max(severity, found.get(key, severity), key=SEVERITIES.index)
    return found


def _entries(path: Path, content: Any) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get("accepted"), list):
        raise InputError(f"{path} is not a baseline: it has no list `accepted`", hint=HINT)
    if content.get("version") != VERSION:
        shown = str(content.get("version"))[:20]
        raise InputError(
            f"the baseline {path} has the version {shown}, not {VERSION}", hint=f"update lineage, or {HINT}"
        )
    accepted: list[Any] = content["accepted"]
    return accepted


def _entry(path: Path, each: Any, number: int) -> tuple[Key, Severity]:
    keys = {"rule", "model", "file", "severity"}
    if isinstance(each, dict) and each.keys() <= keys:
        rule, model, file = each.get("rule"), each.get("model"), each.get("file")
        severity = next((known for known in SEVERITIES if known == each.get("severity", "error")), None)
        if isinstance(rule, str) and isinstance(model, str) and (file is None or isinstance(file, str)) and severity:
            return (rule, model, file), severity
    raise InputError(f"the baseline {path}: entry {number} is not a table of rule, model and file", hint=HINT)


def accepted_by(finding: AuditFinding, accepted: Accepted) -> AuditFinding:
    """Mark a finding that a baseline accepts in all files that it is about; one new file makes it count again."""
    if finding.ignored is not None:
        return finding
    found = SEVERITIES.index(_severity(finding))
    if any(key not in accepted or found > SEVERITIES.index(accepted[key]) for key in _keys(finding)):
        return finding
    return finding.model_copy(update={"ignored": Ignored(reason=REASON)})


def refuse_other_file(path: Path) -> None:
    """Raise InputError if a file is there that is not a baseline, not even a broken one: it would be lost."""
    try:
        data = path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_BYTES else b""
    except OSError:
        return  # writing says why
    if (path.exists() and not path.is_file()) or (data.strip() and b'"accepted"' not in data):
        hint = "choose another --baseline, or delete it"
        raise InputError(f"{path} is not a baseline, and --update-baseline would replace it", hint=hint)


def write_baseline(path: Path, findings: Iterable[AuditFinding]) -> None:
    """Write the findings that no setting ignores as a baseline, one entry a line, in order."""
    accepted: dict[Key, Severity] = {}
    for each in findings:
        if each.ignored is None or each.ignored.reason == REASON:
            for key in _keys(each):
                accepted[key] = max(_severity(each), accepted.get(key, "info"), key=SEVERITIES.index)
    ordered = sorted(accepted.items(), key=lambda item: (item[0][1], item[0][0], item[0][2] or ""))
    entries = [json.dumps(_written(key, severity), ensure_ascii=True) for key, severity in ordered]
    body = "".join(f"\n    {each}," for each in entries).removesuffix(",")
    text = f'{{\n  "version": {VERSION},\n  "accepted": [{body}{chr(10) + "  " if body else ""}]\n}}\n'
    with replacing(path, hint="choose another --baseline") as file:
        file.write(text.encode())


def _written(key: Key, severity: Severity) -> dict[str, str]:
    """Make an entry; the severity is only in it where it is milder than that of the rule."""
    rule, model, file = key
    entry = {"rule": rule, "model": model} | ({} if file is None else {"file": file})
    is_milder = SEVERITIES.index(severity) < SEVERITIES.index(find_rule(rule).severity)
    return entry | ({"severity": severity} if is_milder else {})


def _severity(finding: AuditFinding) -> Severity:
    """Return the severity of a finding before the project file moved its rule."""
    return finding.moved_from or finding.severity


def _keys(finding: AuditFinding) -> list[Key]:
    files: list[str | None] = list(dict.fromkeys(each.file for each in finding.places)) or [None]
    return [(finding.id, finding.pointer.model, file) for file in files]
