"""What Python programs import from the package: promised names, and nothing loaded before it is used."""

import subprocess
import sys

import pytest

import clientary_mcp


@pytest.mark.parametrize("name", clientary_mcp.__all__)
def test_every_promised_name_can_be_imported(name: str) -> None:
    assert getattr(clientary_mcp, name) is not None


def test_every_error_is_promised() -> None:
    def below(kind: type[clientary_mcp.ClientaryError]) -> set[str]:
        return {kind.__name__}.union(*(below(child) for child in kind.__subclasses__()))

    assert below(clientary_mcp.ClientaryError) <= {*clientary_mcp.__all__}


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = clientary_mcp.Nonsense


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys, clientary_mcp; print([n for n in sys.modules if n.startswith(('clientary_mcp.', 'httpx', 'mcp'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "[]"
