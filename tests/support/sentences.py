"""The sentences in a module's source."""

import ast
from collections.abc import Iterator


def sentences(tree: ast.AST, *, outside: str = "") -> Iterator[ast.Constant]:
    """The texts of several words in a module, but for docstrings and those inside the call of a name."""
    parts = [tree]
    while parts:
        part = parts.pop()
        if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
            continue
        if outside and isinstance(part, ast.Call) and getattr(part.func, "id", "") == outside:
            continue
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value.strip():
            yield part
        parts += ast.iter_child_nodes(part)
