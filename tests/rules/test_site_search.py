"""The site, searched in a browser."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

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


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the standard library names it
        """Say nothing of requests."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Where a folder is served meanwhile."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    started = Chromium(tmp_path / "profile")
    yield started
    started.close()


def test_search_finds_a_tool(browser: Chromium, tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet"], cwd=tmp_path, check=True)
    with served(tmp_path / "site") as address:
        browser.visit(f"{address}/tools/clients.html")
        assert any(link.endswith("tools/reports.html#receivables_report") for link in browser.run(SEARCH))
