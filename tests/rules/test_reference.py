"""The reference of the tools: complete, and honest about what its examples leave out."""

import re
from typing import get_args

from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Resource
from scripts.generate_docs import ROOT
from scripts.reference.answers import shortened
from scripts.reference.examples import EXAMPLES
from tests.rules.documents import Document


def test_every_tool_has_an_example() -> None:
    assert {*EXAMPLES} == {tool.name for tool in ALL}


def test_every_resource_has_a_page_with_its_tools() -> None:
    pages = {path.stem: Document(path) for path in (ROOT / "docs/tools").iterdir()}
    assert {*pages} == {*get_args(Resource)}
    for resource, page in pages.items():
        named = re.findall(r"^## `(\w+)`$", page.text, re.MULTILINE)
        assert named == [tool.name for tool in ALL if tool.resource == resource]


def test_an_example_says_what_it_leaves_out() -> None:
    assert shortened({"rows": [1, 2, 3, 4]}) == '{\n  "rows": [\n    1,\n    2\n    // … and 2 more\n  ]\n}'
    assert shortened({"text": "word " * 100}) == f'{{\n  "text": "{("word " * 48).rstrip()}…"\n}}'
    assert shortened({"preview_id": "k3f9", "rows": [1, 2]}) == '{"preview_id": "…", "rows": [1, 2]}'
