"""Who imports whom; imports inside functions and under TYPE_CHECKING count."""

from collections.abc import Mapping
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
_LABORATORY_COMMANDS = ("parcnet_cli.bench", "parcnet_cli.paper")


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Module -> the modules of the repository that it imports."""
    graph = grimp.build_graph("parcnet", "parcnet_cli", "parcnet_lab", cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node (Tarjan, SIAM J. Comput. 1972), and self-loops."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], order[other])
        if lowest[node] == order[node]:
            component = stack[stack.index(node) :]
            del stack[-len(component) :]
            if len(component) > 1 or node in graph[node]:
                found.append(sorted(component))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def test_a_circle_is_found_and_a_diamond_is_none() -> None:
    assert circles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"d"}}) == [["d"], ["a", "b", "c"]]


def test_no_import_circle_anywhere(imports) -> None:
    assert circles(imports) == []


def test_the_library_does_not_import_the_laboratory(imports) -> None:
    library = [module for module in imports if module.split(".")[0] == "parcnet"]
    assert library
    assert [module for module in library if any(each.startswith("parcnet_lab") for each in imports[module])] == []


def test_the_library_does_not_name_the_laboratory() -> None:
    """Not even as a string, by which it could be imported."""
    paths = sorted((ROOT / "parcnet").rglob("*.py"))
    assert paths
    assert [str(path) for path in paths if "parcnet_lab" in path.read_text(encoding="utf-8")] == []


def test_only_bench_and_paper_open_the_laboratory(imports) -> None:
    users = {
        module
        for module, used in imports.items()
        if not module.startswith("parcnet_lab") and any(each.startswith("parcnet_lab") for each in used)
    }
    assert {module for module in users if not module.startswith(_LABORATORY_COMMANDS)} == set()
    assert {module.rsplit(".", 1)[0] for module in users} >= set(_LABORATORY_COMMANDS)


def test_the_laboratory_does_not_import_commands(imports) -> None:
    laboratory = [module for module in imports if module.startswith("parcnet_lab")]
    assert [module for module in laboratory if any(each.startswith("parcnet_cli") for each in imports[module])] == []
