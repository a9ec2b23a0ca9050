"""Smart HTTP git for the test Hub: requests are handed to `git http-backend`, git's own CGI program."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.hub_faults import Answer, Asked
from tests.support.real_git import ENVIRONMENT, GIT


def git_answer(asked: Asked, git_dir: Path, service_path: str, *, allow_filter: bool) -> Answer:
    """Let git answer `service_path` (`info/refs` or `git-upload-pack`) for a bare repository."""
    environment = {
        **ENVIRONMENT,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "uploadpack.allowFilter",
        "GIT_CONFIG_VALUE_0": "true" if allow_filter else "false",
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_TRANSLATED": f"{git_dir}/{service_path}",
        "REQUEST_METHOD": asked.method,
        "QUERY_STRING": "&".join(f"{name}={value}" for name, values in asked.query.items() for value in values),
        "CONTENT_TYPE": asked.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(asked.body)),
        "HTTP_CONTENT_ENCODING": asked.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": asked.headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run([GIT, "http-backend"], input=asked.body, env=environment, capture_output=True, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
    status = int(headers.pop("Status", "200 OK").split()[0]) if head else 500
    return Answer(status, body, headers)
