"""The pictures in the documents look like those that hosts show."""

import json
from base64 import b64encode

import pytest

from tests.pictures.examples import EXAMPLES, FOLDER, drawn
from tests.support.picture_host import PictureHost

DIFFERENCE = """
(async () => {
  const grey = async (data) => {
    const image = new Image(), canvas = document.createElement("canvas"), context = canvas.getContext("2d");
    image.src = "data:image/png;base64," + data;
    await image.decode();
    [canvas.width, canvas.height] = [24, 24];
    context.drawImage(image, 0, 0, 24, 24);
    return context.getImageData(0, 0, 24, 24).data;
  };
  const [one, other] = [await grey(%s), await grey(%s)];
  return one.reduce((sum, value, at) => sum + Math.abs(value - other[at]), 0) / one.length;
})()
"""
"""How much two pictures differ on average, from 0 to 255, in a view so coarse that fonts hardly matter."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_documented_picture_is_small_and_up_to_date(host: PictureHost, name: str) -> None:
    documented = (FOLDER / f"{name}.png").read_bytes()
    assert len(documented) < 60_000
    pictures = (json.dumps(b64encode(each).decode()) for each in (documented, drawn(host, name)))
    assert host.run("page && " + DIFFERENCE.strip() % tuple(pictures)) < 6


def test_no_picture_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*EXAMPLES}
