"""Names as they are searched for: St Marys, St. Mary's and Saint Mary’s become the same text."""

from typing import Final

_ACCENTS: Final = {
    "a": "Ààáâä",
    "c": "ç",
    "e": "ÉÈéèêë",
    "i": "ìíîï",
    "n": "ñ",
    "o": "òóôö",
    "u": "ùúûü",
    "w": "ŵ",
    "y": "ŷ",
}
FOLDING: Final = (
    *((accented, letter) for letter, several in _ACCENTS.items() for accented in several),
    *((mark, "") for mark in "'’‘`´."),
    *((mark, " ") for mark in '-–,/():;|"\N{NO-BREAK SPACE}\t'),
    ("&", " and "),
    ("+", " and "),
    ("     ", " "),
    ("   ", " "),
    ("  ", " "),
    ("  ", " "),
    (" c of e ", " church of england "),
    (" cofe ", " church of england "),
    (" ce ", " church of england "),
    (" rc ", " roman catholic "),
    (" st ", " saint "),
    (" ss ", " saint "),
    (" sts ", " saint "),
)
"""What is written for what, one after the other, in text that begins and ends with a space.

Texts that were kept before a change are made anew by the next import of the register.
"""
_ASCII_LOWER: Final = str.maketrans(
    {upper: upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
)


def folded(text: str) -> str:
    """Text in lower case without marks, short forms written out, with a space before and after."""
    found = f" {text} ".translate(_ASCII_LOWER)
    for written, instead in FOLDING:
        found = found.replace(written, instead)
    return found
