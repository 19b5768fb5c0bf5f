"""The privileges of callers and of connections: they take away from what the operator allows, and add nothing."""

from dataclasses import replace

import pytest

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.tools import ALL
from clientary_mcp.tools.toolsets import allowed, check_choice

OPERATOR = Settings(
    subdomain="acme", api_token="token", toolsets=frozenset({"all", "raw"}), exclude_tools=frozenset({"get_client"})
)


def left(*layers: Privileges, **operator: object) -> set[str]:
    """The tools that are left of what the operator allows."""
    settings = replace(OPERATOR, narrowed_by=layers, **operator)  # type: ignore[arg-type]  # fields of Settings
    return {tool.name for tool in allowed(ALL, settings)}


def test_nothing_given_takes_nothing_away() -> None:
    assert left(Privileges(), Privileges()) == left() == {tool.name for tool in ALL} - {"get_client"}


def test_each_layer_takes_away_from_what_the_one_before_left() -> None:
    readers = Privileges(toolsets=frozenset({"clients", "read"}))
    assert left(readers) == {"list_clients"}
    assert left(readers, Privileges(exclude_tools=frozenset({"list_clients"}))) == left(readers) - {"list_clients"}
    assert left(Privileges(read_only=True), Privileges(tools=frozenset({"delete_client"}))) == set()


def test_a_layer_cannot_bring_back_what_the_operator_excludes() -> None:
    assert left(Privileges(tools=frozenset({"get_client", "list_clients"}))) == {"list_clients"}
    assert "api_request" not in left(Privileges(toolsets=frozenset({"all"})))
    assert "api_request" not in left(Privileges(toolsets=frozenset({"raw"})), toolsets=frozenset({"all"}))


def test_privileges_survive_json() -> None:
    given = Privileges(
        read_only=True, toolsets=frozenset({"b", "a"}), exclude_tools=frozenset({"c"}), deletes_per_hour=0
    )
    assert Privileges.from_json(given.to_json() | {"of_a_later_version": 1}) == given
    assert given.to_json()["toolsets"] == ["a", "b"]
    assert Privileges().to_json() == {}


def test_a_name_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="Did you mean clients"):
        check_choice(ALL, Privileges(toolsets=frozenset({"client"})))
