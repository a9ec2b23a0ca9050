"""The walk over a source tree: what belongs to it, and what is reported as not read."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

from lineage.audit.discovery import ignores
from lineage.audit.discovery import walk as walking
from lineage.audit.discovery.discover import discover
from lineage.audit.discovery.patterns import compiled
from lineage.audit.discovery.walk import walk
from lineage.errors import InputError
from lineage_schemas.answers.answer import Tool

LOADS = 'AutoModel.from_pretrained("acme/model")\n'


def put(root: Path, *files: str, text: str = LOADS) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def reasons(root: Path) -> dict[str, str]:
    return {each.file: each.reason for each in discover(root).unread}


def test_ignored_files_are_as_git_sees_them(tmp_path: Path) -> None:
    """Patterns of nested .gitignore files and their exceptions exclude what git itself would."""
    put(
        tmp_path,
        "a.py",
        "out/b.py",
        "pkg/gen/c.py",
        "pkg/gen/keep.py",
        "pkg/d.log",
        "pkg/deep/out/e.py",
        "pkg/f.tmp.py",
    )
    (tmp_path / ".gitignore").write_text("/out/\n*.log\n*.tmp.*\n")
    (tmp_path / "pkg/.gitignore").write_text("gen/*\n!gen/keep.py\n")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.run(
        ["git", "-C", tmp_path, "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True, text=True
    ).stdout.split()
    assert sorted(listed) == sorted(walk(tmp_path).files)
    assert {each for each in walk(tmp_path / "pkg").files if each.endswith(".py")} == {"gen/keep.py", "deep/out/e.py"}


def test_environments_and_installed_packages_are_left_out(tmp_path: Path) -> None:
    """A folder with pyvenv.cfg under any name is an environment; node_modules and .git are left out anywhere."""
    put(tmp_path, "a.py", "my-env/lib/b.py", "web/node_modules/x/c.js", ".git/hooks/d.py", "lib/site-packages/e.py")
    put(tmp_path, "my-env/pyvenv.cfg", text="home = /usr/bin\n")
    assert walk(tmp_path).files == ("a.py", "my-env/pyvenv.cfg")
    assert {each.path for each in walk(tmp_path).left_out} == {"my-env/", "web/node_modules/", "lib/site-packages/"}


@pytest.mark.parametrize("version", ["2", "3", "4", "split", "sha256"])
def test_files_that_git_tracks_are_not_ignored(tmp_path: Path, version: str) -> None:
    """A .gitignore excludes nothing that git tracks, and the files beside it in an ignored folder stay left out."""
    put(
        tmp_path, "a.py", "conf/prod.py", "conf/mine.py", "build/gen/b.py", "build/c.py", "env/app/d.py", "env/lib/e.py"
    )
    put(tmp_path, "env/pyvenv.cfg", text="home = /usr/bin\n")
    (tmp_path / ".gitignore").write_text("conf/*\nbuild/\n")
    git(tmp_path, "init", "-q", *(["--object-format=sha256"] if version == "sha256" else []))
    git(tmp_path, "add", "-f", "a.py", "conf/prod.py", "build/gen/b.py", "env/app/d.py")
    if version == "split":
        git(tmp_path, "update-index", "--split-index")
        git(tmp_path, "add", "-f", ".gitignore")
    elif version != "sha256":
        git(tmp_path, "add", "-N", ".gitignore")  # an entry with flags of version 3
        git(tmp_path, "update-index", "--index-version", version)
    found = walk(tmp_path)
    assert [each for each in found.files if each.endswith(".py")] == [
        "a.py", "build/gen/b.py", "conf/prod.py", "env/app/d.py",
    ]  # fmt: skip
    assert found.unread == ()
    assert {(each.path, each.reason) for each in found.left_out} == {
        ("conf/mine.py", "ignored"), ("build/c.py", "ignored"), ("env/", "installed"),
    }  # fmt: skip
    assert "gen/b.py" in walk(tmp_path / "build").files


def test_a_folder_that_is_ignored_is_searched_if_it_is_the_one_that_is_named(tmp_path: Path) -> None:
    """Patterns above it that match its files inside a folder that is not ignored still count."""
    put(tmp_path, "build/out/a.py", "src/out/b.py", "src/c.py")
    (tmp_path / ".gitignore").write_text("build/\nout/\n")
    git(tmp_path, "init", "-q")
    assert walk(tmp_path / "build/out").files == ("a.py",)
    assert walk(tmp_path / "build").files == ("out/a.py",)
    assert walk(tmp_path / "src").files == ("c.py",)


def test_a_repository_inside_has_an_index_of_its_own(tmp_path: Path) -> None:
    """What the inner repository tracks belongs to the tree, although its .gitignore matches it."""
    put(tmp_path, "lib/a.py", "lib/b.py")
    (tmp_path / "lib/.gitignore").write_text("*.py\n")
    git(tmp_path, "init", "-q")
    git(tmp_path / "lib", "init", "-q")
    git(tmp_path / "lib", "add", "-f", "a.py")
    assert walk(tmp_path).files == ("lib/.gitignore", "lib/a.py")


@pytest.mark.parametrize("content", [b"", b"DIRC", b"DIRC\0\0\0\2\0\0\0\1" + b"\0" * 70, b"x" * 100])
def test_an_index_that_is_not_understood_is_reported(tmp_path: Path, content: bytes) -> None:
    """Which ignored files are tracked is not known then; without an ignored file it makes no difference."""
    put(tmp_path, "a.py", ".git/HEAD")
    (tmp_path / ".git/index").write_bytes(content)
    assert reasons(tmp_path) == {}
    put(tmp_path, "b.py", ".gitignore", text="b.py\n")
    assert list(reasons(tmp_path)) == [".git/index"]


@pytest.mark.parametrize(
    ("code", "paths"),
    [
        ('Llama(model_path="models/y.gguf")', ["models/y.gguf"]),
        ('Llama(model_path=os.path.join("models", "y.gguf"))', ["models/y.gguf"]),
        ('AutoModel.from_pretrained("./models/x")', ["models/x"]),
        ('AutoModel.from_pretrained("/app/models/x/")', ["models/x"]),
        ('DATA = Path("models")\nLlama(str(DATA / name))', ["models/x", "models/y.gguf"]),
        ('AutoModel.from_pretrained("acme/x")\nprint(data["models"])', []),
    ],
)
def test_ignored_weights_count_where_a_text_names_them(tmp_path: Path, code: str, paths: list[str]) -> None:
    """A .gitignore keeps weights out of git; a product that loads them from there uses them all the same."""
    put(tmp_path, "app.py", text=code + "\n")
    put(tmp_path, ".gitignore", text="models/\n")
    put(tmp_path, "README.md", text="Put the weights into models/.\n")
    put(tmp_path, "models/y.gguf", "models/x/model.safetensors", "models/x/config.json", text="{}")
    found = discover(tmp_path)
    assert [each.path for each in found.weights] == paths
    assert [each.model for each in found.references] == ([] if paths else ["acme/x"])


def test_a_choice_is_listed_apart_from_what_could_not_be_read(tmp_path: Path) -> None:
    """Every file that was not searched is listed with the kind of reason, also one that was read in part."""
    put(tmp_path, "a.py", "out/b.py", "docs/c.py", "venv/pyvenv.cfg", "venv/d.py")
    put(tmp_path, ".gitignore", text="out\n")
    put(tmp_path, "broken.ipynb", text="{")
    (tmp_path / "long.py").write_text("x = 1\n" * 200_000)
    (tmp_path / "link.py").symlink_to("/etc/hosts")
    (tmp_path / "junk.py").write_bytes(b"\0" * 9)
    assert [(each.path, each.reason) for each in discover(tmp_path, exclude=["docs"]).left_out] == [
        ("docs/", "excluded"), ("out/", "ignored"), ("venv/", "installed"), ("long.py", "too_large"),
        ("junk.py", "binary"), ("link.py", "link"), ("broken.ipynb", "in_part"),
    ]  # fmt: skip


def test_excluded_patterns_are_those_of_gitignore(tmp_path: Path) -> None:
    """`exclude` takes the patterns of a .gitignore, and none of its files is read."""
    put(tmp_path, "a.py", "examples/b.py", "src/examples/c.py")
    assert walk(tmp_path, ["/examples/"]).files == ("a.py", "src/examples/c.py")


def test_links_are_not_followed_and_those_that_lead_out_are_reported(tmp_path: Path) -> None:
    """A loop, a dangling link and a link out of the tree are unread; a link inside is no second reference."""
    inside, outside = tmp_path / "tree", tmp_path / "outside"
    put(inside, "a.py")
    put(outside, "secret.py")
    (inside / "b.py").symlink_to("a.py")
    (inside / "loop").symlink_to(".")
    (inside / "out").symlink_to(outside)
    (inside / "dangling.py").symlink_to("nothing")
    found = discover(inside)
    assert [each.file for each in found.references] == ["a.py"]
    assert {each.file for each in found.unread} == {"out", "dangling.py"}


def test_links_to_what_is_left_out_are_reported(tmp_path: Path) -> None:
    """The product loads a module through a link, and its target is in an ignored folder that is not read."""
    put(tmp_path, "a.py", "build/b.py", "node_modules/x/c.py", "pkg/d.py")
    (tmp_path / ".gitignore").write_text("build/\n")
    for link, target in (("b.py", "build/b.py"), ("x", "node_modules/x"), ("d.py", "pkg/d.py"), ("p", "pkg")):
        (tmp_path / link).symlink_to(target)
    (tmp_path / ".venv").symlink_to("/usr")
    assert reasons(tmp_path) == {
        "b.py": "the symbolic link leads to build/b.py, which is left out of the tree",
        "x": "the symbolic link leads to node_modules/x, which is left out of the tree",
    }


def test_a_script_that_cannot_be_read_is_reported_whatever_its_name(tmp_path: Path) -> None:
    """The first line makes a file without a suffix a script; a long one or one with zero bytes is not passed over."""
    put(tmp_path, "serve", text="#!/bin/sh\n" + "#\n" * 600_000 + "vllm serve acme/model\n")
    put(tmp_path, "start", text="#!/bin/sh\n#\0\nvllm serve acme/model\n")
    put(tmp_path, "data", text="x\n" * 600_000)
    assert reasons(tmp_path).keys() == {"serve", "start"}


@pytest.mark.parametrize("encoding", ["utf-7", "unicode_escape", "raw_unicode_escape", "rot13"])
def test_source_in_an_encoding_that_hides_code_is_reported(tmp_path: Path, encoding: str) -> None:
    """Python runs what such an encoding makes of a comment; the encodings that keep ASCII are read as usual."""
    put(tmp_path, "hidden.py", text=f"# -*- coding: {encoding} -*-\nx = 1\n")
    put(tmp_path, "plain.py", text="#!/usr/bin/python\n# vim: set fileencoding=shift_jis :\n")
    assert list(reasons(tmp_path)) == ["hidden.py"]
    assert encoding in reasons(tmp_path)["hidden.py"]


def test_what_cannot_be_read_is_reported_with_its_reason(tmp_path: Path) -> None:
    """Binary junk, a long text and a broken notebook are reported; the files beside them are read."""
    put(tmp_path, "good.py", "pipe.py")
    (tmp_path / "junk.py").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "long.py").write_text("x = 1\n" * 200_000)
    (tmp_path / "broken.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ["import x')
    (tmp_path / "image.bin").write_bytes(bytes(range(256)))
    (tmp_path / "pipe.py").unlink()
    os.mkfifo(tmp_path / "pipe.py")
    found = discover(tmp_path)
    assert [each.file for each in found.references] == ["good.py"]
    unread = {each.file: each.reason for each in found.unread}
    assert unread.keys() == {"junk.py", "long.py", "broken.ipynb", "pipe.py"}
    assert "binary" in unread["junk.py"]
    assert "1,200,000 bytes" in unread["long.py"]


def test_texts_of_one_byte_a_character_and_of_windows_are_read(tmp_path: Path) -> None:
    """Latin-1, UTF-16 and UTF-32 with their marks, and carriage returns change neither the model nor its line."""
    body = '# caf\u00e9\r\nAutoModel.from_pretrained("acme/model")\r\n'
    for encoding in ("latin-1", "utf-16", "utf-32", "utf-8-sig"):
        (tmp_path / f"{encoding.replace('-', '_')}.py").write_bytes(body.encode(encoding))
    found = discover(tmp_path)
    assert [(each.model, each.line) for each in found.references] == [("acme/model", 2)] * 4
    assert found.unread == ()


def test_a_walk_ends_at_a_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree with more files than the limit is read up to it, and the root is reported as not read in full."""
    put(tmp_path, *(f"{number}.py" for number in range(30)))
    monkeypatch.setattr(walking, "MAX_FILES", 20)
    assert len(walk(tmp_path).files) == 20
    assert "20 files or more" in reasons(tmp_path)["."]


def test_a_root_that_is_not_a_folder_is_an_error(tmp_path: Path) -> None:
    """A file or a missing folder is refused with what to do."""
    put(tmp_path, "a.py")
    for root in (tmp_path / "a.py", tmp_path / "missing"):
        with pytest.raises(InputError, match="cannot be read"):
            walk(root)


def test_a_text_that_repeats_the_name_of_ignored_weights_takes_no_time(tmp_path: Path) -> None:
    """Each folder's name is looked for once in a text, however often the text has the name of the weights."""
    put(tmp_path, "a.py", text="'weights' " * 60_000)
    put(tmp_path, ".gitignore", text="/out/\n")
    put(tmp_path, "out/weights/model.safetensors", "out/weights/config.json")
    begin = time.monotonic()
    assert discover(tmp_path).weights == ()
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("pattern", ["*a" * 20 + "b", "**/a" * 12 + "/b", "a**" * 15 + "c", "[!b]*" * 15 + "c"])
def test_a_pattern_of_many_stars_takes_no_time(tmp_path: Path, pattern: str) -> None:
    """The stars of a hostile .gitignore are not tried at every place of a long name or path."""
    put(tmp_path, "a" * 200 + ".py", "a/" * 40 + "a.py")
    put(tmp_path, ".gitignore", text=pattern + "\n")
    begin = time.monotonic()
    assert len(walk(tmp_path, [pattern]).files) == 3
    assert time.monotonic() - begin < 20


def test_a_gitignore_of_too_many_patterns_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns beyond the limit exclude nothing: more is searched, and the tree is not as git sees it."""
    put(tmp_path, "a.py", "b.py")
    put(tmp_path, ".gitignore", text="a.py\nb.py\n")
    assert reasons(tmp_path) == {}
    for limit, number in (("MAX_PATTERNS", 1), ("MAX_COMPARISONS", 2)):
        with monkeypatch.context() as changed:
            changed.setattr(ignores, limit, number)
            assert list(reasons(tmp_path)) == [".gitignore"]
            assert "b.py" in walk(tmp_path).files


PATTERNS = st.lists(
    st.sampled_from(["a", "b", "*", "**", "?", "/", "[ab]", "[a-c]", "**/", "/**/", "/**", "\\*", "."]), max_size=9
)
PATHS = st.lists(st.text("abc.*", min_size=1, max_size=4), min_size=1, max_size=5)


@settings(deadline=None)
@given(PATTERNS.map("".join), PATHS.map("/".join), st.sampled_from(["", "/"]))
def test_bounded_patterns_match_what_pathspec_matches(pattern: str, path: str, end: str) -> None:
    """An atomic group changes how long a comparison takes, and not its result."""
    try:
        expected = GitIgnoreSpec.from_lines([pattern])
    except GitIgnorePatternError:
        return
    assert compiled([pattern]).check_file(path + end).include == expected.check_file(path + end).include


ANSWER = f'{{"schema": "x.v1", "tool": {{"name": "{Tool(version="1").name}", "version": "1"}}, "hub": "h", \
"collected_at": null, "model": "acme/model"}}'
BASELINE = '{"version": 1, "accepted": [{"rule": "unpinned", "model": "acme/model", "file": "a.py"}]}'
SARIF = f'{{"runs": [{{"tool": {{"driver": {{"name": "{Tool(version="1").name}"}}}}, "model": "acme/model"}}]}}'


@pytest.mark.parametrize("text", [ANSWER, f"{ANSWER}\n{ANSWER}\n", BASELINE, SARIF])
def test_what_lineage_wrote_is_left_out_whatever_its_name(tmp_path: Path, text: str) -> None:
    """Answers and baselines repeat models; a configuration with one field of theirs is a source."""
    put(tmp_path, "b.json", "conf/settings.yaml", text=text)
    found = discover(tmp_path)
    assert (found.references, found.unread, found.counts) == ((), (), {"own": 2})
    assert [(each.path, each.reason) for each in found.left_out] == [("b.json", "own"), ("conf/settings.yaml", "own")]
    put(tmp_path, "b.json", text='{"schema": "x.v1", "accepted": [], "model": "acme/model"}')
    assert [each.model for each in discover(tmp_path).references] == ["acme/model"]
