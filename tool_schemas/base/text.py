"""Text as it is compared: as people type it, without case, diacritics, punctuation and extra white space."""

import re
import unicodedata

# Compiled by its first use, as is the other one: these two take as long as all others, and no start needs them.
_OPTIONAL = (
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # Latin, Greek, Cyrillic
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Marks that people leave out when they type: diacritics, the vowel points of Hebrew and Arabic, variants of glyphs.

All other marks are letters of their script, as the vowel signs of Thai and Hindi.
"""

_OF_THEIR_OWN = "\u0439\u0457\u045e\u0453\u045c"
"""Cyrillic letters with a key of their own (short i and its like), although they decompose: they are no variants."""

_TYPED_AS = {
    "\xe6": "ae", "\u0153": "oe", "\xf8": "o", "\u0142": "l", "\u0111": "d", "\xf0": "d", "\xfe": "th", "\u0127": "h",
    "\u0131": "i", "\u014b": "n", "\u0167": "t", "\u0138": "k", "\u0180": "b", "\u0253": "b", "\u0256": "d",
    "\u0257": "d", "\u0199": "k", "\u01b4": "y", "\u0268": "i", "\u0254": "o", "\u025b": "e", "\u0259": "e",
    "\u06cc": "\u064a", "\u0649": "\u064a", "\u06a9": "\u0643", "\u0629": "\u0647", "\u06c1": "\u0647",
}  # fmt: skip
"""Letters that do not decompose, in lower case, and how they are typed without their key.

The last are those of Persian, Urdu and Arabic keyboards that look alike.
"""

_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff]"
)
"""Letters of scripts that put words together without spaces: Thai, Lao, Burmese, Khmer, Chinese, Japanese, Korean."""

_APOSTROPHES = range(0x2B9, 0x2C0)
"""Letters by category, and typed as any apostrophe."""


class _Folding(dict[int, str]):
    """For `str.translate`: each character as it is compared, worked out when it is first met.

    With `words`, whatever is no part of a word is a space.
    """

    def __init__(self, *, words: bool) -> None:
        super().__init__()
        self._words = words

    def __missing__(self, code: int) -> str:
        self[code] = folded = self._fold(chr(code))
        return folded

    def _fold(self, char: str) -> str:
        if char.casefold() in _OF_THEIR_OWN:
            return char.casefold()
        bare = re.sub(_OPTIONAL, "", unicodedata.normalize("NFKD", char)).casefold()
        plain = unicodedata.normalize("NFC", "".join(map(_typed, bare)))
        return "".join(map(self._in_word, plain)) if self._words else plain

    def _in_word(self, char: str) -> str:
        if ord(char) in _APOSTROPHES:
            return " "
        category = unicodedata.category(char)
        if category[0] in "LNM" or char == "_":
            return char
        return "" if category == "Cf" else " "


def _typed(char: str) -> str:
    """A letter as it is typed without its key, and a digit of any script as the usual one."""
    digit = unicodedata.decimal(char, None)
    return _TYPED_AS.get(char, char) if digit is None else str(digit)


_LETTERS = _Folding(words=False)
_WORDS = _Folding(words=True)


def normalized(text: str) -> str:
    """The words of `text` for comparison, separated by one space: Łódź is lodz, and so is “LODZ!”."""
    return _folded(text, _WORDS)


def folded(text: str) -> str:
    """`text` for comparison with its punctuation: C++ is not C#."""
    return _folded(text, _LETTERS)


def is_unspaced(word: str) -> bool:
    """Whether a word is of a script without spaces, so that it may begin within another: the second half of a name."""
    return bool(re.search(_UNSPACED, word))


def _folded(text: str, folding: _Folding) -> str:
    # Composed first, so that a letter is one character however it was sent.
    return " ".join(unicodedata.normalize("NFKC", text).translate(folding).split())
