"""Everything that wants a GPU, in one call: is the fused operator right, how fast is it, how fast are the networks.

    python benchmarks/gpu.py --output DIR                      # all, writes DIR/gpu.json after every part
    python benchmarks/gpu.py --output DIR --parts checks operators --sizes tiny

UNVERIFIED: written without a GPU and not yet run on one. Needs torch, triton, and parcnet with what it imports, timm
among them (the repository root on PYTHONPATH is enough). Exits 0 when done, 1 when a check fails (nothing is timed
then), 2 where there is no GPU.

checks      spatial_mix, forward and every gradient, on fresh random inputs: its error and that of plain torch at the
            same dtype, both against float64. It may err twice as much.
operators   stages 1 to 4 of a 224 px network, batch 32, bf16: `fused` (every candidate tiling), `conv` (cuDNN) and
            `matmul`, in both layouts. Inputs rotate so that they do not stay in the L2 cache; all of them are one CUDA
            graph, so that launches cost nothing; replays are interleaved; medians. Floor: three passes over the map at
            the copy bandwidth measured here.
networks    parcnetv2 as the library runs it, parcnetv2 with algorithm="fused", timm's convnext: bf16,
            channels_last, compiled, batch 32 and 256. Ratio: to convnext of the same tag.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ((64, 56), (128, 28), (320, 14), (512, 7))  # parcnetv2_tiny
CHECKED = ((56, 56), (28, 28), (14, 14), (7, 7), (25, 42), (1, 1), (100, 100), (128, 40))
PARTS = ("checks", "operators", "networks")
ROTATED_BYTES = 512 * 2**20  # several times the largest L2 cache
Operator = Callable[..., Tensor]


def mixed_by_convolutions(features: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:
    from parcnet.ops import oversized_conv2d

    far = oversized_conv2d(features, kernel_h, kernel_w, algorithm="conv")
    return gate * (far + F.conv2d(features, local, padding=local.shape[2] // 2, groups=features.shape[1]))


def mixed_by_products(features: Tensor, gate: Tensor, kernel_h: Tensor, kernel_w: Tensor, local: Tensor) -> Tensor:
    from parcnet.ops import oversized_conv2d

    far = oversized_conv2d(features, kernel_h, kernel_w, algorithm="matmul")
    return gate * (far + F.conv2d(features, local, padding=local.shape[2] // 2, groups=features.shape[1]))


def operands(batch: int, channels: int, height: int, width: int, dtype: torch.dtype, layout: str) -> list[Tensor]:
    """features, gate, kernel_h, kernel_w, local; the maps are halves of one tensor, as in the network."""
    both = torch.randn(batch, 2 * channels, height, width, device="cuda").to(dtype)
    if layout == "channels_last":
        both = both.contiguous(memory_format=torch.channels_last)
    gate, features = both.chunk(2, dim=1)
    shapes = ((channels, 2 * height - 1), (channels, 2 * width - 1), (channels, 1, 7, 7))
    scales = ((2 * height) ** -0.5, (2 * width) ** -0.5, 1 / 7)
    kernels = [
        (scale * torch.randn(shape, device="cuda")).to(dtype) for shape, scale in zip(shapes, scales, strict=True)
    ]
    return [features, gate, *kernels]


def values_and_gradients(operator: Operator, inputs: list[Tensor], upstream: Tensor) -> list[Tensor]:
    leaves = [t.detach().requires_grad_() for t in inputs]
    output = operator(*leaves)
    return [output.detach(), *torch.autograd.grad(output, leaves, upstream.to(output.dtype))]


def check(batch: int, channels: int, size: tuple[int, int], dtype: torch.dtype, layout: str) -> dict[str, Any]:
    """Relative errors ||out - exact|| / ||exact|| of the fused and the plain operator; NaN never passes."""
    from parcnet.ops.triton import spatial_mix

    inputs = operands(batch, channels, *size, dtype, layout)
    upstream = torch.randn_like(inputs[0])
    exact = values_and_gradients(mixed_by_products, [t.double() for t in inputs], upstream.double())
    plain = values_and_gradients(mixed_by_products, inputs, upstream)
    poison = torch.full((2**26,), float("nan"), device="cuda")
    del poison  # the allocator hands this memory to the kernels: an element nobody writes is then NaN
    fused = values_and_gradients(spatial_mix, inputs, upstream)
    again = values_and_gradients(spatial_mix, inputs, upstream)
    names = ("y", "d_features", "d_gate", "d_kernel_h", "d_kernel_w", "d_local")
    errors = {
        name: {"fused": float((f.double() - e).norm() / e.norm()), "plain": float((p.double() - e).norm() / e.norm())}
        for name, f, p, e in zip(names, fused, plain, exact, strict=True)
    }
    floor = 4 * torch.finfo(dtype).eps if dtype == torch.float32 else torch.finfo(dtype).eps / 4
    return {
        "shape": [batch, channels, *size],
        "dtype": str(dtype),
        "layout": layout,
        "errors": errors,
        "same_bits_twice": all(torch.equal(a, b) for a, b in zip(fused, again, strict=True)),
        "passed": all(error["fused"] <= 2 * error["plain"] + floor for error in errors.values()),
    }


def run_checks() -> list[dict[str, Any]]:
    rows = []
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        for layout in ("channels_last", "contiguous"):
            rows += [check(3, 40, size, dtype, layout) for size in CHECKED]
    rows += [check(32, channels, (side, side), torch.bfloat16, "channels_last") for channels, side in STAGES]
    for row in rows:
        worst = max(row["errors"].items(), key=lambda item: item[1]["fused"])
        print(f"{'ok  ' if row['passed'] else 'FAIL'} {row['shape']} {row['dtype']} {row['layout']}: worst {worst}")
    return rows


def interleaved(candidates: Mapping[str, Callable[[], object]], rounds: int = 30) -> dict[str, list[float]]:
    """Milliseconds of each call, by device events, one call of each candidate a round, after five unmeasured."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 5):
        for name, call in candidates.items():
            start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            call()
            stop.record()
            torch.cuda.synchronize()
            if number >= 5:
                times[name].append(start.elapsed_time(stop))
    return times


def graph_of(operator: Operator, sets: list[list[Tensor]]) -> Callable[[], object]:
    """One CUDA graph that runs `operator` on every set of inputs."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.no_grad(), torch.cuda.stream(side):
        for _ in range(2):
            operator(*sets[0])
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad(), torch.cuda.graph(graph):
        for inputs in sets:
            operator(*inputs)
    return graph.replay


def summary(milliseconds: list[float], per: int = 1) -> dict[str, float]:
    low, median, high = statistics.quantiles([m / per for m in milliseconds], n=4)
    return {"median_ms": median, "p25_ms": low, "p75_ms": high, "rounds": len(milliseconds)}


def copy_bandwidth() -> float:
    """Bytes read plus bytes written a second by a large device-to-device copy."""
    source = torch.randn(2**29, device="cuda")
    target = torch.empty_like(source)
    times = interleaved({"copy": lambda: target.copy_(source)})["copy"]
    return 2 * source.numel() * source.element_size() / (statistics.median(times) * 1e-3)


def run_operators(batch: int) -> dict[str, Any]:
    bandwidth = copy_bandwidth()
    print(f"copy bandwidth {bandwidth / 1e12:.2f} TB/s")
    stages = [time_stage(batch, channels, side, bandwidth) for channels, side in STAGES]
    return {"copy_bytes_per_s": bandwidth, "batch": batch, "dtype": "bfloat16", "stages": stages}


def time_stage(batch: int, channels: int, side: int, bandwidth: float) -> dict[str, Any]:
    from triton.runtime import OutOfResources

    from parcnet.ops.triton import launch, spatial_mix
    from parcnet.ops.triton.tiling import candidate_tilings

    map_bytes = 2 * batch * channels * side * side
    floor_ms = 3 * map_bytes / bandwidth * 1e3
    count = max(2, ROTATED_BYTES // (3 * map_bytes))
    rows, steps, failures = {}, {}, {}
    for layout in ("channels_last", "contiguous"):
        sets = [operands(batch, channels, side, side, torch.bfloat16, layout) for _ in range(count)]
        operators: dict[str, Operator] = {
            "fused": spatial_mix,
            "conv": mixed_by_convolutions,
            "matmul": mixed_by_products,
        }
        for tiling in candidate_tilings(channels, side, channels_last=layout == "channels_last", itemsize=2):
            name = f"fused c{tiling.block_c} j{tiling.block_j} w{tiling.warps}"
            operators[name] = lambda *inputs, tiling=tiling: launch.mix(*inputs, tiling=tiling)
        graphs = {}
        for name, operator in operators.items():
            try:
                graphs[name] = graph_of(operator, sets)
            except (
                RuntimeError,
                OutOfResources,
            ) as error:  # an algorithm that cannot be captured or does not fit is named, not hidden
                failures[f"{name} {layout}"] = str(error)
        for name, times in interleaved(graphs).items():
            row = summary(times, per=count)
            rows[f"{name} {layout}"] = {**row, "share_of_floor": floor_ms / row["median_ms"]}
        trained = {name: training_step(operators[name], sets[0]) for name in ("fused", "conv", "matmul")}
        steps |= {f"{name} {layout}": summary(times) for name, times in interleaved(trained, rounds=15).items()}
    fastest = min((name for name in rows if name.startswith("fused")), key=lambda name: rows[name]["median_ms"])
    cudnn = min(row["median_ms"] for name, row in rows.items() if name.startswith("conv"))
    default = rows["fused channels_last"]["median_ms"]
    print(f"stage {channels}x{side}x{side}: floor {floor_ms:.4f} ms, fused {default:.4f}, cuDNN {cudnn:.4f}; {fastest}")
    return {
        "channels": channels,
        "side": side,
        "floor_ms": floor_ms,
        "forward": rows,
        "forward_and_backward": steps,
        "failures": failures,
        "fastest_fused": fastest,
        "times_faster_than_cudnn": cudnn / default,
    }


def training_step(operator: Operator, inputs: list[Tensor]) -> Callable[[], object]:
    leaves = [t.detach().requires_grad_() for t in inputs]
    upstream = torch.randn_like(inputs[0])
    return lambda: torch.autograd.grad(operator(*leaves), leaves, upstream)


def run_networks(sizes: list[str], batches: list[int], mode: str) -> list[dict[str, Any]]:
    import timm

    import parcnet  # noqa: F401 - registers its networks

    rows = []
    for size in sizes:
        for batch in batches:
            torch.compiler.reset()
            images = torch.randn(batch, 3, 224, 224, device="cuda", dtype=torch.bfloat16)
            images = images.contiguous(memory_format=torch.channels_last)

            def prepared(name: str, **arguments: str) -> nn.Module:
                model = timm.create_model(name, **arguments).eval().to("cuda", torch.bfloat16)
                return model.to(memory_format=torch.channels_last)

            models = {
                f"parcnetv2_{size}": prepared(f"parcnetv2_{size}"),
                f"parcnetv2_{size} fused": prepared(f"parcnetv2_{size}", algorithm="fused"),
                f"convnext_{size}": prepared(f"convnext_{size}"),
            }
            calls = {name: compiled_call(model, images, mode) for name, model in models.items()}
            with torch.inference_mode():
                times = {name: summary(taken) for name, taken in interleaved(calls).items()}
            convnext = times[f"convnext_{size}"]["median_ms"]
            for name, row in times.items():
                ratio = row["median_ms"] / convnext
                rows.append({"network": name, "batch": batch, **row, "ratio_to_convnext": ratio})
                print(f"{name} batch {batch}: {row['median_ms']:.2f} ms, ratio {ratio:.3f}")
    return rows


def compiled_call(model: nn.Module, images: Tensor, mode: str) -> Callable[[], object]:
    run = torch.compile(model, mode=mode, dynamic=False)
    return lambda: run(images)


def machine() -> dict[str, Any]:
    import triton

    properties = torch.cuda.get_device_properties(0)
    return {
        "gpu": properties.name,
        "multiprocessors": properties.multi_processor_count,
        "memory_bytes": properties.total_memory,
        "versions": {"torch": torch.__version__, "triton": triton.__version__, "cuda": torch.version.cuda},
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for gpu.json")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sizes", nargs="+", choices=("tiny", "small", "base"), default=["tiny", "small", "base"])
    parser.add_argument("--batch", type=int, default=32, help="of the operators")
    parser.add_argument("--batches", nargs="+", type=int, default=[32, 256], help="of the networks")
    parser.add_argument("--compile-mode", default="reduce-overhead", help="of torch.compile")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU: torch finds no CUDA device on this machine; nothing was checked or timed", file=sys.stderr)
        return 2
    from parcnet.ops.triton import available

    reason = available("cuda")
    if reason is not None:
        print(f"no GPU that the fused operator can use: {reason}", file=sys.stderr)
        return 2
    torch.manual_seed(int(datetime.datetime.now(datetime.UTC).timestamp()))  # fresh inputs in every run
    arguments.output.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]])
    results: dict[str, Any] = {"command": command, "machine": machine()}
    passed = True
    for part in (name for name in PARTS if name in arguments.parts):
        if part == "checks":
            results[part] = run_checks()
            passed = all(row["passed"] for row in results[part])
        elif part == "operators":
            results[part] = run_operators(arguments.batch)
        else:
            results[part] = run_networks(arguments.sizes, arguments.batches, arguments.compile_mode)
        (arguments.output / "gpu.json").write_text(json.dumps(results, indent=1) + "\n")
        if not passed:
            print("a check failed: nothing is timed", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
