"""Writes the pictures of docs/pictures.md."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.pictures.examples import EXAMPLES, FOLDER, drawn
from tests.support.chromium import Chromium
from tests.support.picture_host import PictureHost

with TemporaryDirectory() as profile:
    browser = Chromium(Path(profile))
    for name in EXAMPLES:
        (FOLDER / f"{name}.png").write_bytes(drawn(PictureHost(browser), name))
    browser.close()
