"""The site, searched in a browser, with its pages read from the disk."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.generate_docs import ROOT
from tests.support.chromium import Chromium

SEARCH = """
new Promise(found => {
    document.querySelector('#__search').click()
    const field = document.querySelector('[data-md-component=search-query]')
    const results = document.querySelector('.md-search-result__list')
    const answer = () => results.children.length && found([...results.querySelectorAll('a')].map(link => link.href))
    new MutationObserver(answer).observe(results, {childList: true})
    field.focus()
    field.value = 'receivables_report'
    field.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true, key: 't'}))
})
"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    started = Chromium(tmp_path / "profile")
    yield started
    started.close()


def test_search_finds_a_tool_without_a_server(browser: Chromium, tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet"], cwd=tmp_path, check=True)
    browser.visit((tmp_path / "site/tools/clients.html").as_uri())
    assert any(link.endswith("tools/reports.html#receivables_report") for link in browser.run(SEARCH))
