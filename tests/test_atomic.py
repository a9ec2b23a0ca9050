"""A file of the user's is written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lineage.atomic import replacing
from lineage.errors import InputError


def write(path: Path, content: bytes) -> None:
    with replacing(path, hint="choose another file") as file:
        file.write(content)


def test_a_reader_sees_the_old_content_until_the_new_is_whole(tmp_path: Path) -> None:
    """Inside the block the old content is there; afterwards the new, with the old permissions and nothing beside it."""
    path = tmp_path / "answer"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with replacing(path, hint="") as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        (part,) = (each for each in tmp_path.iterdir() if each != path)
        assert stat.S_IMODE(part.stat().st_mode) == 0o640, "the content is not shown to others on the way"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_in_the_block_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """The part that was written is removed, and the old content stays."""
    path = tmp_path / "answer"
    path.write_bytes(b"old")

    def fail() -> None:
        with replacing(path, hint="") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed(tmp_path: Path) -> None:
    """The file that a link points at is replaced, and the link stays a link."""
    real, link = tmp_path / "answer", tmp_path / "link"
    link.symlink_to(real)
    for content in (b"first", b"second"):
        write(link, content)
        assert real.read_bytes() == content
    assert link.is_symlink()


def test_a_file_that_cannot_be_written_keeps_its_content(tmp_path: Path) -> None:
    """The error names the file and gives the hint; a folder of that name stays."""
    folder = tmp_path / "locked"
    (folder / "answer.json").mkdir(parents=True)
    with pytest.raises(InputError, match=r"answer\.json could not be written: Is a directory") as caught:
        write(folder / "answer.json", b"new")
    assert caught.value.hint == "choose another file"
    with pytest.raises(InputError, match="No such file or directory"):
        write(tmp_path / "gone" / "answer.json", b"new")
    assert [path.name for path in folder.iterdir()] == ["answer.json"]


def test_what_is_not_a_regular_file_is_written_to(tmp_path: Path) -> None:
    """`/dev/null` and named pipes are written to, never replaced."""
    write(Path("/dev/null"), b"text")
    assert not Path("/dev/null").is_file()
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = subprocess.Popen([sys.executable, "-c", f"print(open({str(fifo)!r}).read())"], stdout=subprocess.PIPE)
    write(fifo, b"through")
    assert reader.communicate(timeout=30)[0] == b"through\n"
    assert fifo.is_fifo()
