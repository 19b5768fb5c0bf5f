"""The package's public names, which are imported only when used."""

import subprocess
import sys

import pytest

import clientary_mcp
from clientary_mcp import errors


@pytest.mark.parametrize("name", clientary_mcp.__all__)
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert getattr(clientary_mcp, name) is not None


def test_every_error_of_the_client_is_exported() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert kinds <= {*clientary_mcp.__all__}


def test_other_names_are_not_attributes() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = clientary_mcp.Nonsense


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys, clientary_mcp; print([n for n in sys.modules if n.startswith(('clientary_mcp.', 'httpx', 'mcp'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "[]"
