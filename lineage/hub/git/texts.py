"""Texts that can be written: commits in any encoding, and strings out of JSON, hold no surrogates."""

from __future__ import annotations

import re

# The names of git and iconv, of Windows and of Python, without case, hyphens and underscores.
_ENCODINGS = {
    "ascii": ("usascii", "ansix3.41968", "646"),
    "latin-1": ("latin1", "iso88591", "88591", "l1"),
    **{f"iso8859-{n}": (f"iso8859{n}", f"8859{n}") for n in (*range(2, 12), *range(13, 17))},
    **{f"cp{n}": (f"cp{n}", f"windows{n}", f"win{n}") for n in (*range(1250, 1259), 437, 850, 852, 855, 862, 866, 874)},
    **{f"koi8-{n}": (f"koi8{n}",) for n in "rtu"},
    "mac-roman": ("macroman", "macintosh"),
    "mac-cyrillic": ("maccyrillic", "xmaccyrillic"),
    "tis-620": ("tis620",),
    "gb2312": ("gb2312", "euccn"),
    "gbk": ("gbk", "cp936", "936"),
    "gb18030": ("gb18030",),
    "big5": ("big5", "big5tw"),
    "big5hkscs": ("big5hkscs",),
    "cp950": ("cp950",),
    "shift_jis": ("shiftjis", "sjis"),
    "cp932": ("cp932", "windows31j", "mskanji"),
    "euc_jp": ("eucjp", "ujis"),
    "iso2022_jp": ("iso2022jp",),
    "euc_kr": ("euckr", "ksc56011987"),
    "cp949": ("cp949", "uhc"),
    "johab": ("johab",),
}
"""Encodings that people write in. Python's other codecs are none: some are slow, decompress, or make surrogates."""

_CODEC = {written: codec for codec, names in _ENCODINGS.items() for written in names}


def decode_text(text: bytes, encoding: bytes) -> str:
    """Decode a text by the encoding that its commit names: UTF-8 for all that is not a real encoding of texts.

    What cannot be decoded becomes U+FFFD, and so does a surrogate: the result can always be encoded as UTF-8.
    """
    name = re.sub(rb"[-_ ]", b"", encoding[:40].lower()).decode("ascii", errors="replace")
    return re.sub("[\ud800-\udfff]", "\ufffd", text.decode(_CODEC.get(name, "utf-8"), errors="replace"))


def without_surrogates(text: str) -> str:
    """Replace surrogates, which a string out of JSON may hold and no encoding can write, by backslash escapes."""
    return text.encode(errors="backslashreplace").decode()
