"""Writes the pages of pictures: `python -m scripts.pictures`. It needs npm."""

from scripts.pictures import pages

for path, text in pages():
    path.write_text(text, encoding="utf-8")
