"""Rows of import_contacts in the forms in which tables and mail programs hold them."""

from typing import Any

import pytest

from tests.tools.workflows.test_import_contacts import Firms, ann, imported, outcomes

pytestmark = pytest.mark.anyio


@pytest.fixture
def firms() -> Firms:
    return Firms()


@pytest.mark.parametrize(
    "cell", ["Ann Doe <ann@x.example>", "mailto:ann@x.example?subject=Hi", "\u201cann@x.example\u201d;"]
)
async def test_an_address_is_written_without_what_is_no_part_of_it(firms: Firms, cell: str) -> None:
    (shown,) = (await imported(firms, [ann(email=cell)], confirm=False))["steps"]
    assert (shown["outcome"], shown["email"]) == ("to import", "ann@x.example")
    await imported(firms, [ann(email=cell)])
    assert [person["email"] for person in firms.people()] == ["ann@x.example"]


async def test_several_addresses_in_one_cell_are_named_and_the_rest_is_imported(firms: Firms) -> None:
    answer = await imported(firms, [ann(email="ann@x.example; bob@x.example"), ann(email="eva@x.example")])
    assert outcomes(answer) == ["refused", "imported"]
    why = "email takes one e-mail address, not 2: ann@x.example, bob@x.example"
    assert answer["steps"][0]["why"] == why
    assert [person["email"] for person in firms.people()] == ["eva@x.example"]


@pytest.mark.parametrize(
    ("there", "given"),
    [
        ("Jane <jane@x.example>", "jane@X.example"),
        ("office@x.example, jane@x.example", "Jane <JANE@x.example>"),
        ("jane@b\u00fccher.example", "jane@xn--bcher-kva.example"),
    ],
)
async def test_a_mailbox_that_a_contact_has_in_another_form_is_already_there(
    firms: Firms, there: str, given: str
) -> None:
    known = firms.add("contacts", client_id=firms.acme, name="Jane", email=there)
    answer: dict[str, Any] = await imported(firms, [ann(email=given)])
    assert (outcomes(answer), answer["steps"][0]["id"]) == (["already there"], known)


async def test_numbers_and_empty_cells_of_a_table_are_written_as_people_write_them(firms: Firms) -> None:
    cells = {
        "phone": 441234567890.0,
        "ext": 7,
        "mobile": " ",
        "title": "",
        "client": "",
        "client_id": f"{firms.acme}.0",
    }
    assert outcomes(await imported(firms, [ann(**cells)])) == ["imported"]
    (person,) = firms.people()
    assert (person["phone"], person["ext"]) == ("441234567890", "7")
    assert not person["mobile"]
    assert not person["title"]


async def test_rows_of_one_mailbox_are_imported_once(firms: Firms) -> None:
    rows = [ann(email="ann@b\u00fccher.example"), ann(email="Ann <ANN@xn--bcher-kva.example>")]
    assert outcomes(await imported(firms, rows)) == ["imported", "same as row 1"]


@pytest.mark.parametrize(("there", "given"), [("C# Guild", "C++ Guild"), ("C Guild", "C# Guild"), ("A+", "A")])
async def test_signs_that_tell_names_apart_make_another_client(firms: Firms, there: str, given: str) -> None:
    firms.add("clients", name=there)
    assert outcomes(await imported(firms, [ann(client=given)])) == ["refused"]
