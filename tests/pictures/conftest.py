"""A browser for all tests of a module; skips them where there is none."""

from collections.abc import Iterator

import pytest

from tests.support.chromium import Chromium
from tests.support.picture_host import PictureHost


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PictureHost]:
    """A host that shows pictures."""
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield PictureHost(browser)
    browser.close()
