"""The planted faults can be planted: the text of each is in its file exactly once, and its tests exist."""

from pathlib import Path

from tests.faults.table import FAULTS

ROOT = Path(__file__).parents[2]


def test_the_text_of_every_fault_is_in_its_file_once() -> None:
    assert [fault.name for fault in FAULTS if (ROOT / fault.file).read_text("utf-8").count(fault.text) != 1] == []


def test_the_tests_that_should_find_a_fault_exist() -> None:
    named = {name for fault in FAULTS for name in fault.tests.split()}
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
