"""Normalizes text for comparison: without case, accents and extra white space."""

import re
import unicodedata


def normalized(text: str) -> str:
    """`text` for comparison: without case and accents, its words separated by one space."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", plain.casefold()))


def mailbox(email: str | None) -> str:
    """An e-mail address for comparison: in lower case, without surrounding white space."""
    return (email or "").strip().casefold()
