"""The shape of the tree: imports point one way, libraries stay where they belong, modules say what they are."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("clientary_mcp", "tool_schemas")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in OURS
    for path in sorted((ROOT / package).rglob("*.py"))
}
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Each layer imports from those before it (and within itself); the sandbox stands beside them all.
LAYERS = (
    ("tool_schemas",),
    ("clientary_mcp.errors", "clientary_mcp.settings", "clientary_mcp.redaction"),
    ("clientary_mcp.accounting",),
    ("clientary_mcp.state",),
    ("clientary_mcp.api",),
    ("clientary_mcp.tools",),
    ("clientary_mcp.server",),
    ("clientary_mcp.cli", "clientary_mcp.__main__"),
)
SANDBOX = "clientary_mcp.sandbox"
PYDANTIC = {"pydantic", "pydantic_core"}
TOWARDS_AGENTS = {f"clientary_mcp.{name}" for name in ("server", "tools.tool", "tools.mentions")}
MAY_IMPORT = {
    "mcp": TOWARDS_AGENTS,
    "mcp_types": TOWARDS_AGENTS,
    "httpx": {f"clientary_mcp.{name}" for name in ("api", "cli")},
}


def imports(module: str) -> Iterator[str]:
    """The modules that a module imports, anywhere in it, by their full names."""
    path = MODULES[module]
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            names = [f"{base}.{name.name}" for name in node.names]
            yield from (name if name in MODULES else base for name in names)


def of_ours(module: str) -> list[str]:
    return [name for name in imports(module) if name.partition(".")[0] in OURS]


def layer(module: str) -> int:
    (number,) = (
        number
        for number, names in enumerate(LAYERS)
        if any(module == name or module.startswith(f"{name}.") for name in names)
    )
    return number


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


LAYERED = [name for name in MODULES if not within(name, SANDBOX) and name != "clientary_mcp"]


@pytest.mark.parametrize("module", LAYERED)
def test_imports_point_one_way(module: str) -> None:
    for imported in of_ours(module):
        if within(imported, SANDBOX):
            assert within(module, "clientary_mcp.cli"), f"{module} imports the sandbox"
        elif imported != "clientary_mcp":
            assert layer(imported) <= layer(module), f"{module} imports {imported}"


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "tool_schemas")])
def test_schemas_know_pydantic_and_nothing_else(module: str) -> None:
    for imported in imports(module):
        top = imported.partition(".")[0]
        assert top == "tool_schemas" or top in PYDANTIC | sys.stdlib_module_names, f"{module} imports {imported}"


@pytest.mark.parametrize("module", MODULES)
def test_libraries_are_known_only_where_they_belong(module: str) -> None:
    tops = {imported.partition(".")[0] for imported in imports(module)}
    for library, allowed in MAY_IMPORT.items():
        assert library not in tops or any(within(module, name) for name in allowed) or within(module, SANDBOX), (
            f"{module} imports {library}"
        )


def test_the_sdks_own_http_library_is_never_imported() -> None:
    assert not [module for module in MODULES if "httpx2" in {name.partition(".")[0] for name in imports(module)}]


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, SANDBOX)])
def test_the_sandbox_shares_no_code_with_the_client_that_it_checks(module: str) -> None:
    assert [name for name in of_ours(module) if not within(name, SANDBOX)] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_in_words_of_its_own(module: str) -> None:
    docstrings = {name: ast.get_docstring(ast.parse(path.read_text())) for name, path in MODULES.items()}
    said = docstrings.pop(module)
    assert said
    assert said not in docstrings.values()


@pytest.mark.parametrize("path", [*MODULES.values(), *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short_and_have_names_that_say_something(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    for vague in ("util", "helper", "misc", "common", "manager"):
        assert vague not in path.stem.lower()


@pytest.mark.parametrize("path", [*MODULES.values(), *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_stay_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 45, f"{node.name} in {path.name}"


def of_our_making(tree: ast.AST) -> set[str]:
    """The names that a test imports from us."""
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.Import)]
    return {
        name.asname or name.name.partition(".")[0]
        for node in imported
        for name in node.names
        if (name.name if isinstance(node, ast.Import) else node.module or "").partition(".")[0] in OURS
    }


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_put_nothing_in_the_place_of_our_code(path: Path) -> None:
    tree = ast.parse(path.read_text())
    ours = of_our_making(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            assert "unittest" not in ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "monkeypatch.setattr":
            patched = ast.unparse(node.args[0]).strip("'\"").partition(".")[0]
            assert patched not in ours | set(OURS), ast.unparse(node)
