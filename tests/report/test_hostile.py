"""Foreign text is shown and never interpreted."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from lineage.report.dot import quoted
from lineage.report.json import as_ascii, to_json
from lineage.report.markdown.write import code, prose
from lineage.report.mermaid import label
from lineage.report.render import RENDERERS, render
from lineage.report.text import columns, cut, cut_pair, plain, visible
from tests.report.hostile_texts import hostile
from tests.report.records import ANSWERS
from tests.report.traces import HOSTILE

CASES = [
    (name, to_format)
    for name, make in ANSWERS.items()
    for record, to_format in RENDERERS
    if type(make()).__name__ == record and record != "RulesAnswer"
]
"""Each answer in each format, except the rules: their texts are lineage's own Markdown."""

WITHOUT_TEXTS = {("check-clean", "sarif"), ("check-clean", "github"), ("suggest", "commands"), ("suggest", "card")}
"""Formats of findings, for an answer without any, and parts of a suggestion that hold no text of others."""


def unsafe(text: str) -> list[str]:
    """List the characters of a text that control a terminal or that hide or reorder others."""
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return [each for each in text if each != "\n" and (unicodedata.category(each) in kinds or is_ignorable(each))]


def is_ignorable(each: str) -> bool:
    """Return whether a character is one of those that Unicode calls default ignorable, apart from category Cf."""
    ranges = (
        (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0x3164, 0x3164),
        (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
    )  # fmt: skip
    return any(first <= ord(each) <= last for first, last in ranges)


def rendered(name: str, to_format: str) -> str:
    """Render an answer full of hostile texts as for a pipe."""
    written = render(hostile(ANSWERS[name]()), to_format)
    return written if isinstance(written, str) else plain(written)


@pytest.mark.parametrize(("name", "to_format"), CASES)
def test_no_format_lets_a_control_character_through(name: str, to_format: str) -> None:
    """No escape, direction mark or line break of foreign text reaches the output of any format."""
    text = rendered(name, to_format)
    assert unsafe(text) == []
    is_empty = (to_format == "csv" and text.count("\n") == 1) or (name, to_format) in WITHOUT_TEXTS
    assert "x1b" in text or "u001b" in text or is_empty, "only a table without rows has no text"
    assert not any(line.lstrip().startswith("# @you") for line in text.splitlines())


@pytest.mark.parametrize("name", ANSWERS)
def test_json_keeps_every_character_and_escapes_the_unsafe_ones(name: str) -> None:
    """JSON decodes to exactly the same answer, while its text holds no character that controls a terminal."""
    answer = hostile(ANSWERS[name]())
    text = to_json(answer)
    assert unsafe(text) == []
    assert json.loads(text) == answer.model_dump(mode="json", by_alias=True)
    assert json.loads(as_ascii(text)) == json.loads(text)
    assert as_ascii(text).isascii()


def test_json_accepts_a_file_name_that_is_not_text() -> None:
    """A file name that is not UTF-8 is written as an escape and causes no error."""
    answer = ANSWERS["collect"]().model_copy(update={"store": "/tmp/\udcff.db"})
    assert json.loads(to_json(answer))["store"] == "/tmp/\udcff.db"
    assert "\\udcff" in plain(render(answer, "table"))  # type: ignore[arg-type]


def cells(row: str) -> int:
    """Count the cells of a Markdown row as the strictest parser does: every pipe outside a code span separates two."""
    return re.sub(r"(?<!`)`[^`]+`(?!`)", "", row).count("|")


@pytest.mark.parametrize("name", [name for name, to_format in CASES if to_format == "markdown"])
def test_markdown_keeps_its_shape(name: str) -> None:
    """Hostile cells break no table, and foreign text causes no markup, link or mention outside of code."""
    lines = rendered(name, "markdown").splitlines()
    widths: list[int] = []
    for line in lines:
        if line.startswith("|"):
            widths.append(cells(line))
            assert widths[-1] == widths[0], line
        else:
            widths = []
    outside = re.sub(r"<code>.*?</code>|(?<!`)`[^`]+`(?!`)", "", "\n".join(lines))
    for mark in ("<img", "@you", "](", "<x", "\\"):
        assert mark not in outside


def test_markdown_code_holds_what_breaks_code_spans() -> None:
    """Backticks, pipes and backslashes cannot end a code span or a cell; an empty text gives no empty span."""
    assert code("org/model") == "`org/model`"
    assert code(" ") == ""
    for text in ("a`b", "a|b", "a\\", "``", "\\|"):
        written = code(text)
        assert written.startswith("<code>")
        assert set("`|\\") & set(written) == set()
    assert prose("see https://x.y (now)") == "see https&#58;&#47;&#47;x&#46;y &#40;now&#41;"
    assert prose("a local path (see it)") == "a local path (see it)"
    assert prose("<b> *x* [y](z) @you #1 _z_ ~a~") == (
        "&#60;b&#62; &#42;x&#42; &#91;y&#93;(z) &#64;you &#35;1 &#95;z&#95; &#126;a&#126;"
    )


def test_mermaid_labels_cannot_be_left() -> None:
    """No quote, bracket, tag, semicolon or comment of foreign text appears unescaped in a label."""
    written = label(HOSTILE)
    assert written[0] == written[-1] == '"'
    assert set(re.sub(r"#\d+;", "", written[1:-1])) & set("\"'`<>[]{}|;#&\\@") == set()


def test_dot_strings_cannot_be_left() -> None:
    """Every quote and backslash inside a string is escaped, and no entity is decoded."""
    written = quoted(HOSTILE, "end\\")
    assert re.fullmatch(r'"(?:[^"\\]|\\["\\n])*"', written)
    assert "&amp;amp;" in written


@pytest.mark.parametrize("name", [name for name, to_format in CASES if to_format == "dot"])
def test_dot_files_parse(name: str) -> None:
    """A graph full of hostile texts has one statement per line, and every string is closed."""
    for line in rendered(name, "dot").splitlines()[1:-1]:
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "S", line)
        assert re.fullmatch(r"  [\w =,;\[\]>-]+;", bare), line


def test_visible_leaves_writing_alone() -> None:
    """Letters of every script, emoji with joiners and accents stay; unsafe characters become escapes."""
    writing = "模型 نمو‌ذج 👩‍💻 café"
    assert visible(writing) == writing
    assert visible("\x1b[31m\r\n\t\x9b\u202e\ufeff\U000e0041\ud800") == (
        "\\x1b[31m\\r\\n\\t\\x9b\\u202e\\ufeff\\U000e0041\\ud800"
    )
    assert visible(visible(HOSTILE)) == visible(HOSTILE)


@pytest.mark.slow
def test_every_invisible_character_is_escaped() -> None:
    """In the id of a model, each invisible character of Unicode is an escape in tables, labels and JSON."""
    invisible = [chr(code) for code in range(0x110000) if unsafe(chr(code))]
    assert len(invisible) > 4_000
    for each in invisible:
        model = f"org/mo{each}del"
        assert visible(model) == f"org/mo{visible(each)}del"
        assert unsafe(visible(model)) == []
    model = f"org/{''.join(each for each in invisible if unicodedata.category(each) != 'Cs')}"
    text = to_json(ANSWERS["collect"]().model_copy(update={"store": model}))
    assert unsafe(text) == []
    assert json.loads(text)["store"] == model
    for written in (code(model), prose(model), label(model), quoted(model)):
        assert unsafe(written) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("❤\ufe0f\u200d🔥 1\ufe0f\u20e3", "❤\ufe0f\u200d🔥 1\ufe0f\u20e3"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👨\u200d\u200d", "👨\u200d\\u200d"),
        ("a\u200db\ufe0f1\u200c", "a\\u200db\\ufe0f1\\u200c"),
        ("🏴\U000e0067\U000e007f", "🏴\\U000e0067\\U000e007f"),
    ],
)
def test_joiners_stay_where_writing_needs_them(text: str, shown: str) -> None:
    """Joiners and selectors stay after symbols and letters of other scripts; elsewhere, and twice, they are escaped."""
    assert visible(text) == shown
    assert visible(shown) == shown


def test_cut_says_that_it_cut() -> None:
    """A shortened text ends in an ellipsis and is never longer than the given width."""
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"
    assert cut("  padded \n", 20) == "padded"


def test_two_texts_are_cut_so_that_their_difference_is_shown() -> None:
    """Hashes that begin alike are cut in front of their difference, and never longer than the given width."""
    one, other = (f"sha256:{'1' * at}{'a' if at < 64 else ''}{'2' * max(63 - at, 0)}" for at in (64, 60))
    for width in (24, 60):
        shown = cut_pair(one, other, width)
        assert shown[0] != shown[1]
        assert all(len(each) <= width for each in shown)
        assert all(each.startswith("sha256:…") for each in shown)
    assert cut_pair("sha256:" + "1" * 64, "nothing", 24) == ("sha256:" + "1" * 16 + "…", "nothing")
    assert cut_pair("a\x1b", "b", 9) == (cut("a\x1b", 9), "b")


def test_columns_align_what_is_shown() -> None:
    """Columns are as wide as the escapes in them, not as the characters that were escaped."""
    lines = plain(columns([("a\x1b", "x"), ("abc", "y")])).splitlines()
    assert lines == ["a\\x1b  x", "abc    y"]
