"""Names in a zip that is silent on their encoding: Windows, macOS and old packers each write their own."""

import re
import struct
import unicodedata
import zlib
from collections.abc import Iterable
from zipfile import ZipInfo

_UTF_8 = 0x800
_UNICODE_PATH = 0x7075
# In the order that decides where two make equally much sense.
_ENCODINGS = ("cp437", "cp1252", "cp932", "gbk", "cp949", "big5", "cp866", "cp1251")
# Of those with thousands of characters: in which encoding's rows the common ones stand together, and their first bytes.
_COMMON = {
    "cp932": ("cp932", range(0x88, 0x98)),
    "gbk": ("gb2312", range(0xB0, 0xD8)),
    "cp949": ("euc_kr", range(0xB0, 0xC9)),
    "big5": ("big5", range(0xA4, 0xC7)),
}
_WORD = re.compile(r"[^\W\d_]+")
_IMPLAUSIBLE = 1.0  # cost per letter above which no encoding is accepted


def silent(entry: ZipInfo) -> bool:
    """Whether an entry's name is not ASCII and the zip does not say how it is encoded."""
    return not entry.flag_bits & _UTF_8 and not entry.orig_filename.isascii()


def unicode_path(entry: ZipInfo) -> str | None:
    """The name that Info-ZIP and others store in UTF-8 beside the one of unknown encoding, if it is there."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            if struct.unpack_from("<L", field, 1)[0] != zlib.crc32(raw(entry)):
                return None  # the entry was renamed since
            try:
                return field[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None


def raw(entry: ZipInfo) -> bytes:
    """The bytes of a silent entry's name, which zipfile reads as cp437."""
    return entry.orig_filename.encode("cp437")


def guess_encoding(names: Iterable[bytes]) -> str | None:
    """The encoding in which the names make the most sense together.

    UTF-8 wins where all of them are valid in it, which other encodings hardly ever are. Of the others, the one whose
    letters fit together: words of one script, without signs in them, of common characters.

    Args:
        names: the raw names, not ASCII.

    Returns:
        A codec of Python; None if none makes sense, or two of Chinese, Japanese and Korean make equally much.
    """
    parts = {part for name in names for part in re.split(rb"[/\\]", name) if not part.isascii()}
    texts = {}
    for encoding in ("utf-8", *_ENCODINGS):
        try:
            texts[encoding] = sorted(part.decode(encoding) for part in parts)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            return encoding
    costs = {encoding: _cost(read, encoding) for encoding, read in texts.items()}
    best = min(costs, key=lambda encoding: costs[encoding], default=None)
    if best is None or costs[best] > _IMPLAUSIBLE:
        return None
    rivals = [encoding for encoding, cost in costs.items() if cost == costs[best] and encoding in _COMMON]
    return None if best in _COMMON and len(rivals) > 1 else best


def _cost(texts: list[str], encoding: str) -> float:
    """How little sense the texts make: mean cost of a character that is not ASCII."""
    foreign = [letter for text in texts for letter in text if not letter.isascii()]
    total = sum(_letter_cost(letter, encoding) for letter in foreign)
    total += sum(_word_cost(word) for text in texts for word in _WORD.findall(text))
    return total / len(foreign)


def _letter_cost(letter: str, encoding: str) -> float:
    category = unicodedata.category(letter)
    if category.startswith("C"):
        return 10  # a control character, or none at all
    if not category.startswith("L") and letter not in "、。・「」ー々　":
        return 4  # a sign, a line of a table
    if "\uff61" <= letter <= "\uff9f":
        return 2  # half-width katakana, which Chinese read as Japanese is full of
    if letter >= "\u2e80" and encoding in _COMMON and not "\u3040" <= letter <= "\u30ff":
        codec, common = _COMMON[encoding]
        try:
            return 0 if letter.encode(codec)[0] in common else 1.5
        except UnicodeEncodeError:
            return 1.5
    return 0


def _word_cost(word: str) -> float:
    """Of a run of letters: scripts that mix, capitals amid small letters, accents on nearly every letter."""
    if word.isascii():
        return 0
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in word}
    alphabets = scripts & {"LATIN", "GREEK", "CYRILLIC"}
    cost = 4.0 * (len(alphabets) > 1) + (len(alphabets) < len(scripts) and len(alphabets) > 0)
    if alphabets:
        cost += 2 * (word not in (word.lower(), word.upper(), word.capitalize()))
        cost += "CYRILLIC" in alphabets and not all("\u0410" <= letter <= "\u044f" for letter in word)
        cost += (
            alphabets == {"LATIN"} and len(word) > 3 and sum(not letter.isascii() for letter in word) > len(word) / 2
        )
    return cost
