"""The pictures that docs/pictures.md shows: real answers of the embedded account, as a host shows them."""

import json
from pathlib import Path
from typing import NamedTuple

from clientary_mcp.tools.tool import Picture
from tests.support.picture_host import REPORTS, PictureHost, answered, previewed

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


class Example(NamedTuple):
    """One picture, and how it is looked at."""

    picture: Picture
    colours: str = "light"
    width: int = 480
    height: int = 460
    opens: bool = False
    """Whether it is what a click on the first name shows."""


EXAMPLES: dict[str, Example] = {
    **{picture: Example(picture) for picture in REPORTS},
    "confirmation": Example("confirmation"),
    "client": Example("receivables", opens=True),
    "dark": Example("receivables", "dark"),
    "phone": Example("sales", "dark", 320),
}


def drawn(host: PictureHost, name: str) -> bytes:
    """A picture of that name, as PNG."""
    picture, colours, width, height, opens = EXAMPLES[name]
    result = answered(REPORTS[picture]) if picture in REPORTS else previewed("allocate_payment")
    host.show(picture, result, width, colours, can=("serverTools",), containerDimensions={"maxHeight": height})
    if opens:
        host.run("page.querySelector('.link').click()")
        call = host.asked()[-1]["params"]
        host.reply(result=answered(call["name"], json.dumps(call["arguments"])))
        host.run("page.activeElement.blur()")
    return host.screenshot(width, height)
