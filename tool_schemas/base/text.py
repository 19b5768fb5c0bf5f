"""Text as it is compared: without case, accents and blanks that do not matter."""

import re
import unicodedata


def normalized(text: str) -> str:
    """`text` as it is compared: without case and accents, its words apart by one blank."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", plain.casefold()))


def mailbox(email: str | None) -> str:
    """An e-mail address as it is compared: without case and white space around it."""
    return (email or "").strip().casefold()
