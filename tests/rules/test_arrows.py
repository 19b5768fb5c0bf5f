"""The structure of the code: imports point one way, libraries stay in their place, modules have docstrings."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("clientary_mcp", "tool_schemas")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in OURS
    for path in sorted((ROOT / package).rglob("*.py"))
}
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Each layer imports from those before it and within itself; `clientary_mcp` and the sandbox are separate.
LAYERS = (
    "tool_schemas",
    ("durations", "errors", "settings", "redaction", "logs", "observe", "telemetry"),
    "accounting",
    "state",
    "api",
    "tools",
    "pictures",
    "server",
    "cli",
)

# The same inside a package: each group imports from those before it and within itself.
INSIDE = {
    "clientary_mcp.api": (
        (
            "bodies",
            "call",
            "comparison",
            "concurrency",
            "differences",
            "error_bodies",
            "status_errors",
            "write_tracker",
            "pagination",
            "streaming",
            "http_core",
        ),
        ("network", "rate_limit"),
        ("retry",),
        ("evidence",),
        ("reconcile",),
        ("http",),
        ("session",),
    ),
    "clientary_mcp.state": (
        ("owner", "settling", "sqlite_file"),
        ("store", "recent", "sealing", "key_values"),
        ("actions", "billed", "call_slots", "claims", "ledger", "pace", "previews", "quotas", "trail", "writes"),
        ("memory", "identity"),
        ("memories",),
        ("backend",),
        ("redis",),
        ("backends",),
    ),
    "clientary_mcp.state.redis": (
        ("scripts", "fitness", "polling", "store_clock", "url"),
        ("continuity",),
        ("riders",),
        ("connection",),
        ("fencing",),
        (
            *("actions", "billed", "call_slots", "claims", "contents", "key_values", "ledger", "previews"),
            *("quotas", "trail", "writes"),
        ),
        ("pace",),
        ("memory",),
        ("backend",),
    ),
    "clientary_mcp.tools": (
        ("support", "job"),
        ("tool",),
        ("decorators", "toolsets"),
        (
            *("clients", "contacts", "estimates", "expenses", "hours", "invoices", "leads", "payment_profiles"),
            *("payments", "projects", "raw", "recurring_schedules", "staff", "tasks", "reports", "workflows"),
        ),
    ),
    "clientary_mcp.server": (
        (
            *("audit", "guides", "instructions", "elicitation", "request_state", "suggestions", "completions"),
            "prompts",
        ),
        ("replies", "change_log", "operations"),
        ("duplicates", "confirmations"),
        ("write_guard", "resources"),
        ("office",),
        ("app",),
        ("callers",),
        ("http",),
    ),
    "clientary_mcp.cli.install": (
        ("machine", "json_text", "toml_text", "yaml_text"),
        ("config_file",),
        ("hosts",),
        ("token_store",),
        ("account",),
        ("installation",),
        ("commands",),
    ),
    "clientary_mcp.telemetry": (("privacy",), ("instruments",), ("export",)),
    "clientary_mcp.sandbox": (("controls",), ("store",), ("api",), ("seed",), ("account",), ("network",)),
}
SANDBOX = "clientary_mcp.sandbox"
PYDANTIC = {"pydantic", "pydantic_core", "annotated_types"}  # the last holds the limits that pydantic reads from types
TOWARDS_AGENTS = {f"clientary_mcp.{name}" for name in ("server", "tools.tool")}
MAY_IMPORT = {
    "mcp": TOWARDS_AGENTS,
    "mcp_types": TOWARDS_AGENTS,
    "httpx": {f"clientary_mcp.{name}" for name in ("api", "cli", "sandbox.network", "server.callers")},
    "httpcore2": {"clientary_mcp.api.http_core"},
    "prettytable": {"clientary_mcp.cli"},
    "wcwidth": {"clientary_mcp.cli"},
    "yaml": {"clientary_mcp.cli.install.yaml_text"},
    "plotext": {"clientary_mcp.cli"},
    "idna": {"tool_schemas.base.addresses"},
    "iso4217": {"tool_schemas.base.currencies"},
    "redis": {"clientary_mcp.state.redis"},
    "opentelemetry": {"clientary_mcp.telemetry", "clientary_mcp.logs"},
    "httpcore": set[str](),  # httpx's own, which is slower
    "httpx2": set[str](),  # the SDK's own, and not part of its interface
}


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(module: str) -> tuple[str, ...]:
    """The modules that a module imports, anywhere in it, by their full names."""
    found = []
    for node in ast.walk(tree(MODULES[module])):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name.name}" for name in node.names]
            found += [name if name in MODULES else node.module or "" for name in names]
    return tuple(found)


def arrows() -> Iterator[tuple[str, str]]:
    """Every import of ours by ours."""
    for module in MODULES:
        yield from ((module, name) for name in imports(module) if name.partition(".")[0] in OURS)


def layer_of(module: str) -> int:
    """The number of a module's layer."""
    for number, group in enumerate(LAYERS):
        names = (group,) if isinstance(group, str) else group
        if any(within(module, name) or within(module, f"clientary_mcp.{name}") for name in names):
            return number
    return -1 if module == "clientary_mcp" else len(LAYERS)


def test_layers_import_only_from_earlier_layers() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in arrows()
        if not within(imported, SANDBOX) and not within(module, SANDBOX) and module != "clientary_mcp"
        if layer_of(imported) > layer_of(module)
    ]
    assert wrong == []


def test_packages_have_an_order_inside() -> None:
    wrong = []
    for package, groups in INSIDE.items():
        place = {f"{package}.{name}": number for number, group in enumerate(groups) for name in group}
        places = {module: number for module in MODULES for name, number in place.items() if within(module, name)}
        assert places.keys() == {module for module in MODULES if within(module, package)} - {package}
        wrong += [
            f"{module} imports {imported}"
            for module, imported in arrows()
            if module in places and imported in places and places[imported] > places[module]
        ]
    assert wrong == []


def test_the_sandbox_is_independent() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in arrows()
        if within(module, SANDBOX) != within(imported, SANDBOX)
        if not (within(module, "clientary_mcp.cli") and within(imported, SANDBOX))
    ]
    assert wrong == []


def test_schemas_depend_only_on_pydantic_and_tables_of_codes() -> None:
    known = PYDANTIC | {"iso4217", "idna"} | sys.stdlib_module_names | {"tool_schemas"}
    schemas = [module for module in MODULES if within(module, "tool_schemas")]
    assert [(m, name) for m in schemas for name in imports(m) if name.partition(".")[0] not in known] == []


def test_libraries_are_imported_only_where_they_belong() -> None:
    wrong = [
        f"{module} imports {library}"
        for module in MODULES
        for library in MAY_IMPORT.keys() & {name.partition(".")[0] for name in imports(module)}
        if not any(within(module, name) for name in MAY_IMPORT[library])
    ]
    assert wrong == []


def test_every_module_has_a_docstring_of_its_own() -> None:
    docstrings = {module: ast.get_docstring(tree(path)) for module, path in MODULES.items()}
    assert [module for module, text in docstrings.items() if not text] == []
    assert len(set(docstrings.values())) == len(docstrings)


def test_files_are_short_and_have_meaningful_names() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in (*MODULES.values(), *TESTS)}
    assert [path.name for path, lines in lengths.items() if lines > (400 if path in TESTS else 350)] == []
    vague = ("util", "helper", "misc", "common", "manager")
    assert [path.name for path in lengths if any(word in path.stem.lower() for word in vague)] == []


def test_functions_stay_short() -> None:
    wrong = [
        f"{node.name} in {path.name}"
        for path in (*MODULES.values(), *TESTS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= 40
    ]
    assert wrong == []


def names_of_ours(module: ast.Module) -> set[str]:
    """The names that a test imports from us."""
    imported = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom | ast.Import)]
    return {
        name.asname or name.name.partition(".")[0]
        for node in imported
        for name in node.names
        if (name.name if isinstance(node, ast.Import) else node.module or "").partition(".")[0] in OURS
    }


def test_tests_patch_none_of_our_code() -> None:
    wrong = []
    for path in TESTS:
        ours = names_of_ours(tree(path)) | set(OURS)
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom | ast.Import) and "unittest" in ast.unparse(node):
                wrong.append(f"{path.name} imports unittest")
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "monkeypatch.setattr":
                patched = ast.unparse(node.args[0]).strip("'\"").partition(".")[0]
                wrong += [f"{path.name} patches {patched}"] if patched in ours else []
    assert wrong == []
