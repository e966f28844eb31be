"""`auto`: a measured table decides, refusals are respected, and the choice is explained."""

import json
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from parcnet.base.errors import UserError
from parcnet.ops import ALGORITHMS, explain_choice, oversized_conv2d
from parcnet.ops.oversized import Algorithm, Problem, algorithms, choose, device_class, tuning
from parcnet.ops.oversized.device_class import nearest_class

Problems = Callable[..., list[Tensor]]


def row(times: dict[str, float], **changes: Any) -> dict[str, Any]:
    kind = {"device": "cpu", "dtype": "float32", "training": False, "channels_last": False}
    return {**kind, "channels": 64, "height": 14, "width": 14, "batch": 1, "times_ms": times, **changes}


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Writes rows as a table and makes `auto` choose by it, until the test is over."""

    def use(*rows: dict[str, Any], measured: dict[str, Any] | None = None) -> Path:
        path = tmp_path / "table.json"
        tuning.save_table(rows, path, measured)
        tuning.use_table(path)
        return path

    yield use
    tuning.use_table(None)


def posed(channels: int = 64, side: int = 14, batch: int = 1, **changes: Any) -> Problem:
    fields = {"dtype": torch.float32, "device": "cpu", "taps_h": 2 * side - 1, "taps_w": 2 * side - 1, **changes}
    return Problem(batch, channels, side, side, **fields)


def test_auto_takes_the_fastest_of_the_nearest_case(table: Callable[..., Path]) -> None:
    table(
        row({"conv": 1.0, "matmul": 2.0, "fft": 3.0}),
        row({"conv": 9.0, "matmul": 2.0, "fft": 3.0}, height=56, width=56),
        row({"conv": 9.0, "matmul": 8.0, "fft": 3.0}, height=400, width=400, channels=512),
    )
    assert choose(posed()).name == "conv"
    assert choose(posed(side=20)).name == "conv"
    assert choose(posed(side=40, channels=100, batch=3)).name == "matmul"
    assert choose(posed(side=500)).name == "fft"


@pytest.mark.parametrize(
    "other", [{"training": True}, {"channels_last": True}, {"dtype": torch.bfloat16}, {"device": "cuda sm_90"}], ids=str
)
def test_times_of_another_kind_or_device_are_not_used(table: Callable[..., Path], other: dict[str, Any]) -> None:
    table(row({"conv": 2.0, "matmul": 1.0}))
    assert choose(posed()).name == "matmul"
    assert choose(posed(**other)).name == "conv"


def test_refusals_are_respected(table: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    matmul = ALGORITHMS["matmul"]
    monkeypatch.setitem(
        algorithms.ALGORITHMS, "matmul", Algorithm("matmul", matmul.run, lambda _: "it is out of order")
    )
    table(row({"matmul": 1.0, "fft": 2.0, "conv": 3.0}))
    assert choose(posed()).name == "fft"
    assert "matmul    refuses: it is out of order" in explain_choice(posed())
    with pytest.raises(ValueError, match="out of order"):
        choose(posed(), "matmul")


def test_an_unknown_algorithm_in_a_newer_table_is_ignored(table: Callable[..., Path]) -> None:
    table(row({"quantum": 0.1, "fft": 2.0, "conv": 3.0}))
    assert choose(posed()).name == "fft"


def test_fewer_taps_make_conv_cheaper_and_no_other(table: Callable[..., Path]) -> None:
    """Under kernel_fit="fixed" a large map meets kernels of its training size."""
    table(row({"conv": 4.0, "matmul": 2.0}, height=100, width=100))
    assert choose(posed(side=100)).name == "matmul"
    assert choose(posed(side=100, taps_h=55, taps_w=55)).name == "conv"


def test_empty_batches_and_unknown_devices_take_conv(table: Callable[..., Path]) -> None:
    table(row({"matmul": 1.0, "conv": 3.0}))
    assert choose(posed(batch=0)).name == "conv"
    assert choose(posed(device="abacus")).name == "conv"
    assert "no such case for 'abacus'" in explain_choice(posed(device="abacus"))


def test_the_problem_knows_training_and_layout(problem: Problems) -> None:
    x, kernel_h, kernel_w = problem(2, 3, 5, 4, torch.float32)
    assert Problem.of(x, kernel_h, kernel_w).training
    assert not Problem.of(x, kernel_h, kernel_w).channels_last
    last = x.detach().contiguous(memory_format=torch.channels_last)
    assert Problem.of(last, kernel_h, kernel_w).channels_last
    assert Problem.of(last, kernel_h, kernel_w).training
    with torch.no_grad():
        assert not Problem.of(x, kernel_h, kernel_w).training
    assert not Problem.of(last, kernel_h.detach(), kernel_w.detach()).training
    assert not Problem.of(x, kernel_h, kernel_w).symbolic


def test_explanation_names_both_times_refusals_and_the_source(table: Callable[..., Path]) -> None:
    table(row({"conv": 3.0, "matmul": 1.5}, height=12, width=13), measured={"cpu": "a fine machine"})
    text = explain_choice(torch.randn(8, 64, 12, 12))
    assert text.splitlines() == [
        "auto chooses matmul for 8x64x12x12 float32, taps 23 and 23, contiguous, inference, "
        f"on {device_class(torch.device('cpu'))}",
        "nearest case in the table: 1x64x12x13, measured on a fine machine",
        "  conv      slower: 3 ms against 1.5 ms",
        "  matmul    chosen: 1.5 ms",
        "  fft       not considered: not timed in that case",
        "  dense     not considered: not timed in that case",
        "  reference not considered: the definition, slow on purpose",
    ]
    assert "training" in explain_choice(torch.randn(8, 64, 12, 12), training=True)
    assert "dense     refuses: it would take" in explain_choice(posed(side=200))
    with pytest.raises(ValueError, match="a Problem has them already"):
        explain_choice(posed(), training=True)


@pytest.mark.parametrize("name", ["conv", "matmul", "fft", "dense"])
def test_auto_runs_what_the_table_says_and_never_changes_results(
    table: Callable[..., Path], problem: Problems, name: str
) -> None:
    table(row({name: 1.0}, training=True))
    inputs = problem(2, 3, 6, 5, torch.float32)
    assert choose(Problem.of(*inputs)).name == name
    wanted = oversized_conv2d(*inputs, algorithm="reference")
    torch.testing.assert_close(oversized_conv2d(*inputs), wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(oversized_conv2d(*inputs), oversized_conv2d(*inputs, algorithm=name), rtol=0, atol=0)


class Operator(torch.nn.Module):
    def __init__(self, kernel_h: Tensor, kernel_w: Tensor) -> None:
        super().__init__()
        self.kernel_h, self.kernel_w = torch.nn.Parameter(kernel_h), torch.nn.Parameter(kernel_w)

    def forward(self, x: Tensor) -> Tensor:
        return oversized_conv2d(x, self.kernel_h, self.kernel_w)


@pytest.fixture
def operator(table: Callable[..., Path], problem: Problems) -> tuple[Operator, Tensor]:
    """`auto` with a table that knows only `matmul`, on a 6x5 map."""
    table(*(row({"matmul": 1.0}, training=training) for training in (True, False)))
    x, kernel_h, kernel_w = (t.detach() for t in problem(2, 3, 6, 5, torch.float32))
    return Operator(kernel_h, kernel_w), x


def targets(graph: torch.fx.Graph) -> set[str]:
    return {str(node.target) for node in graph.nodes}


@pytest.mark.parametrize("strict", [True, False])
def test_export_takes_the_choice_for_the_given_size_as_a_constant(
    operator: tuple[Operator, Tensor], strict: bool
) -> None:
    module, x = operator
    with torch.no_grad():
        exported = torch.export.export(module, (x,), strict=strict)
    assert "aten.bmm.default" in targets(exported.graph)
    torch.testing.assert_close(exported.module()(x), module(x))


@pytest.mark.parametrize("strict", [True, False])
def test_export_for_any_size_takes_conv(operator: tuple[Operator, Tensor], strict: bool) -> None:
    module, x = operator
    sizes = {2: torch.export.Dim("height", min=6, max=64), 3: torch.export.Dim("width", min=5, max=64)}
    exported = torch.export.export(module, (torch.randn(2, 3, 9, 8),), dynamic_shapes={"x": sizes}, strict=strict)
    assert "aten.bmm.default" not in targets(exported.graph)
    for side in (6, 11):
        x = torch.randn(2, 3, side, side)
        torch.testing.assert_close(exported.module()(x), module(x), rtol=1e-4, atol=1e-5)


def test_compilation_takes_the_choice_as_a_constant_and_symbolic_sizes_take_conv(
    operator: tuple[Operator, Tensor],
) -> None:
    module, x = operator
    seen: list[set[str]] = []

    def look(graph: torch.fx.GraphModule, _: list[Tensor]) -> torch.fx.GraphModule:
        seen.append({getattr(node.target, "__name__", str(node.target)) for node in graph.graph.nodes})
        return graph

    with torch.no_grad():
        compiled = torch.compile(module, fullgraph=True, backend=look)
        torch.testing.assert_close(compiled(x), module(x), rtol=1e-4, atol=1e-5)
        torch._dynamo.reset()
        compiled = torch.compile(module, fullgraph=True, dynamic=True, backend=look)
        torch.testing.assert_close(compiled(x), module(x), rtol=1e-4, atol=1e-5)
    assert "bmm" in seen[0]
    assert "bmm" not in seen[1]
    assert "conv2d" in seen[1]


def test_traces_take_conv(operator: tuple[Operator, Tensor]) -> None:
    module, x = operator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, and the checks of shapes are not traced
        traced = torch.jit.trace(module, x)
    assert "bmm" not in str(traced.inlined_graph)
    torch.testing.assert_close(traced(x), module(x), rtol=1e-4, atol=1e-5)


def test_a_lookup_takes_less_than_20_microseconds(problem: Problems) -> None:
    tensors = problem(2, 64, 14, 14, torch.float32)
    choose(Problem.of(*tensors))
    best = min(_seconds(lambda: choose(Problem.of(*tensors)), 200) for _ in range(20))
    assert best < 20e-6


def _seconds(call: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


def test_the_shipped_table_can_be_read_and_names_known_algorithms() -> None:
    rows = tuning.read_table(tuning.SHIPPED)
    assert rows
    assert {name for each in rows for name in each.times_ms} <= set(ALGORITHMS)
    for device in {each.device for each in rows}:
        assert set(tuning.measured(device, tuning.SHIPPED)) >= {"cpu", "threads", "date", "command"}


def test_an_unmeasured_device_uses_the_rows_of_the_nearest_class() -> None:
    known = ["cpu avx2", "cpu avx512 bf16", "cuda sm_80"]
    assert nearest_class("cpu avx2", known) == "cpu avx2"
    assert nearest_class("cpu avx512", known) == "cpu avx512 bf16"
    assert nearest_class("cpu default", known) == "cpu avx2"
    assert nearest_class("cuda sm_90", known) == "cuda sm_80"
    assert nearest_class("mps", known) is None
    assert nearest_class("cpu", []) is None


def test_a_class_without_rows_of_a_kind_uses_those_of_the_nearest_class_with_them(
    table: Callable[..., Path],
) -> None:
    table(row({"conv": 1.0}, device="cpu avx2"), row({"matmul": 1.0}, device="cpu avx512", training=True))
    assert [each.device for each in tuning.rows_for("cpu avx512", "float32", False, False)] == ["cpu avx2"]
    assert tuning.rows_for("mps", "float32", False, False) == ()


def test_saving_replaces_the_device_class_measured_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    tuning.save_table([row({"conv": 1.0}), row({"conv": 2.0}, device="mps")], path)
    tuning.save_table([row({"conv": 3.0}, batch=4)], path, {"cpu": "new"})
    assert {(each.device, each.batch, each.times_ms["conv"]) for each in tuning.read_table(path)} == {
        ("cpu", 4, 3.0),
        ("mps", 1, 2.0),
    }
    assert tuning.measured("cpu", path) == {"cpu": "new"}
    assert len(path.read_text().splitlines()) == 8  # a row a line: two devices of three lines, and the braces


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 0}, "positive whole numbers"),
        ({"times_ms": {}}, "a positive time"),
        ({"times_ms": {"conv": -1.0}}, "a positive time"),
        ({"hight": 3}, "a row has the fields"),
    ],
)
def test_wrong_rows_are_named_and_nothing_is_written(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tuning.save_table([row({"conv": 1.0}, **changes)], tmp_path / "table.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a table of timings"),
        ("[]", "table format None"),
        ('{"format": 2, "devices": {}}', "table format 2, this version of parcnet reads 1"),
        ('{"format": 1}', "is not a table of timings"),
        (json.dumps({"format": 1, "devices": {"cpu": {"rows": [{"batch": 1}]}}}), "a row has the fields"),
    ],
)
def test_broken_tables_are_named_with_the_remedy(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(text)
    with pytest.raises(UserError, match=f"table.json.*{message}.*parcnet bench tune"):
        tuning.use_table(path)
    with pytest.raises(UserError, match=r"cannot read .*missing\.json"):
        tuning.use_table(tmp_path / "missing.json")
    assert tuning.rows_for("cpu", "float32", False, True)  # the shipped table is still in use
