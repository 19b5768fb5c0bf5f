"""Writes every generated file of the packaging: `python -m scripts.packaging`."""

from scripts.packaging.files import FILES, IN_PLACE

for path, text in FILES.items():
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(), encoding="utf-8")
for path, changed in IN_PLACE.items():
    path.write_text(changed(path.read_text("utf-8")), encoding="utf-8")
