"""`parcnet bench`: measurements of the operators and of whole networks."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from parcnet_cli.bench.arguments import (
    RESULTS,
    Common,
    Memory,
    Models,
    Networks,
    Ops,
    Scaling,
    Tables,
    Train,
    Tune,
)
from parcnet_cli.bench.help import DESCRIPTIONS, HELP
from parcnet_cli.common.arguments import parse
from parcnet_cli.common.pictures import check_picture

if TYPE_CHECKING:
    import torch

    from parcnet_lab.bench.grid import Case
    from parcnet_lab.bench.results import BenchmarkResult


def run(arguments: Sequence[str]) -> int:
    """Measures and prints; 0, or 1 when an answer was wrong or a table is stale. Raises `UserError`."""
    arguments = list(arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if arguments[0] not in _WHAT:
        known = f"it knows {', '.join(_WHAT)}. `parcnet bench --help` explains them"
        print(f"parcnet: bench does not know {arguments[0]!r}; {known}.", file=sys.stderr)
        return 2
    return _WHAT[arguments[0]](arguments[1:])


def _ops(arguments: Sequence[str]) -> int:
    asked = parse(Ops, "bench ops", DESCRIPTIONS["ops"], arguments)
    device, dtype = prepare(asked)

    from parcnet_lab.bench import grid

    usual = grid.FULL if asked.full else grid.QUICK
    maps = tuple(grid.parse_map(text) for text in asked.size)
    wanted = grid.Grid(asked.channels or usual.channels, maps or usual.maps, asked.batch or usual.batches)
    options = {"training": asked.training, "channels_last": asked.layout == "channels_last"}
    fitting, left_out = grid.cases(wanted, dtype=dtype, **options)
    rows = list(_measured_cases(fitting, device, asked.seconds))
    notes = (
        [f"left out, above {grid.MEMORY_LIMIT / 2**30:.0f} GiB: {', '.join(map(str, left_out))}"] if left_out else []
    )
    return finish(asked, result_of(asked, "ops", arguments, device, rows, {**options, "seconds": asked.seconds}, notes))


def _models(arguments: Sequence[str]) -> int:
    asked = parse(Models, "bench models", DESCRIPTIONS["models"], arguments)
    device, dtype = prepare(asked)

    from parcnet.base import progress
    from parcnet_lab.bench import network_latency, networks

    networks.check_forms(asked.forms)
    compared = [
        network_latency.LatencySetting(tag, batch, asked.size, asked.forms, asked.peers)
        for tag in asked.tag
        for batch in asked.batch
    ]
    sides = [networks.contenders(each.tag, each.image, each.peers) for each in compared]  # wrong names are said at once
    total = sum(len(networks.forms_of(one.side, asked.forms)) for group in sides for one in group)
    rows: list[dict[str, Any]] = []
    with progress("timing networks", total, "networks") as advance:
        for found in network_latency.measure(compared, device, dtype, asked.seconds, advance):
            rows += found
    notes = [f"{form}: {networks.FORMS[form]}" for form in asked.forms if any(row["form"] == form for row in rows)]
    notes += ["ConvNeXt with conv_mlp=True"] if any(row["network"].startswith("convnext_") for row in rows) else []
    return finish(
        asked,
        result_of(asked, "models", arguments, device, rows, {"image": asked.size, "seconds": asked.seconds}, notes),
    )


def _train(arguments: Sequence[str]) -> int:
    asked = parse(Train, "bench train", DESCRIPTIONS["train"], arguments)
    device, dtype = prepare(asked)

    from parcnet_lab.bench import training_step
    from parcnet_lab.bench.networks import check_forms

    check_forms(asked.forms, training_step.FORMS)
    options = (asked.tag, asked.batch, asked.size, asked.peers, asked.forms, device, dtype, asked.seconds)
    rows = _measure_networks(
        "timing training steps",
        asked,
        1,
        lambda note: training_step.measure(*options, note),
    )
    notes = [f"{form}: {training_step.FORMS[form]}" for form in asked.forms]
    return finish(
        asked,
        result_of(asked, "train", arguments, device, rows, {"image": asked.size, "seconds": asked.seconds}, notes),
    )


def _memory(arguments: Sequence[str]) -> int:
    asked = parse(Memory, "bench memory", DESCRIPTIONS["memory"], arguments)
    device, _ = prepare(asked)

    from parcnet_lab.bench import inference_memory

    options = (asked.batch, asked.size, asked.peers, device, asked.dtype, asked.repeats, asked.form)
    rows = _measure_networks(
        "measuring memory", asked, asked.repeats, lambda note: inference_memory.measure(asked.tag, *options, note)
    )
    how = "torch's allocator" if device.type == "cuda" else "resident memory above that of the loaded libraries"
    notes = [f"ours {asked.form}, peers eager, a fresh process each; {how}, at its highest over two forward passes"]
    return finish(
        asked,
        result_of(asked, "memory", arguments, device, rows, {"image": asked.size, "repeats": asked.repeats}, notes),
    )


def _scaling(arguments: Sequence[str]) -> int:
    asked = parse(Scaling, "bench scaling", DESCRIPTIONS["scaling"], arguments)
    check_picture("--plot", asked.plot)
    device, dtype = prepare(asked)

    from parcnet.plots.scaling import scaling as draw
    from parcnet_lab.bench import cost_exponents, grid

    wanted = grid.Grid((asked.channels,), tuple(grid.parse_map(str(side)) for side in asked.size), (asked.batch,))
    fitting, left_out = grid.cases(wanted, dtype=dtype, training=asked.training)
    rows = list(_measured_cases(fitting, device, asked.seconds))
    settings = {"training": asked.training, "seconds": asked.seconds}
    notes = [f"left out, above 4 GiB: {', '.join(map(str, left_out))}"] if left_out else []
    code = finish(asked, result_of(asked, "scaling", arguments, device, rows, settings, notes))
    if asked.plot is not None:
        found = {each["algorithm"]: each for each in cost_exponents.exponents(rows)}
        expected = {name: (each["formula"], each["expected"], each["fitted"]) for name, each in found.items()}
        conditions = f"{asked.batch} x {asked.channels} channels, {asked.dtype}"
        draw(cost_exponents.curves(rows), expected, f"Oversized convolution, {conditions}", asked.plot)
    return code


def _tune(arguments: Sequence[str]) -> int:
    asked = parse(Tune, "bench tune", DESCRIPTIONS["tune"], arguments)
    device, dtype = prepare(asked)

    from itertools import product

    from parcnet.base import say
    from parcnet.ops.oversized import device_class, tuning
    from parcnet_lab.bench import grid, tune

    wanted = grid.QUICK if asked.quick else grid.FULL
    modes = {"both": (False, True), "inference": (False,), "training": (True,)}[asked.mode]
    layouts = {"both": (True, False), "channels_last": (True,), "nchw": (False,)}[asked.layout]
    fitting = []
    for training, channels_last in product(modes, layouts):
        fitting += grid.cases(wanted, dtype=dtype, training=training, channels_last=channels_last)[0]
    fitting = [case for case in fitting if case.operations <= 1e9 * asked.largest]
    settings = {"seconds": asked.seconds, "mode": asked.mode, "layout": asked.layout, "largest": asked.largest}
    result = result_of(asked, "tune", arguments, device, [], settings, [])
    how = {"command": result.command, "cpu": result.machine["device"]}
    how |= {key: result.machine[key] for key in ("threads", "versions", "date")}
    table = asked.table or tuning.SHIPPED
    for row in _measured_cases(fitting, device, asked.seconds):
        result.rows.append(row)
        tune.save([row], device_class(device), table, how)  # whatever ends the hour, its rows are kept
    code = finish(asked, result)
    if not asked.as_json:
        say(f"the table is in {escape(str(table))}")
    return code


def _training(what: str, arguments: Sequence[str]) -> int:
    from parcnet_cli.bench.training import RUN  # it builds on this module

    return RUN[what](arguments)


def _loader(arguments: Sequence[str]) -> int:
    from parcnet_cli.bench.loader import run as measure  # it builds on this module

    return measure(arguments)


def _coins(arguments: Sequence[str]) -> int:
    from parcnet_cli.bench.coins import run as measure  # it builds on this module

    return measure(arguments)


def _segmentation(arguments: Sequence[str]) -> int:
    from parcnet_cli.bench.segmentation import run as measure  # it builds on this module

    return measure(arguments)


def _deploy(arguments: Sequence[str]) -> int:
    from parcnet_cli.bench.deploy import run as measure  # it builds on this module

    return measure(arguments)


def _tables(arguments: Sequence[str]) -> int:
    asked = parse(Tables, "bench tables", DESCRIPTIONS["tables"], arguments)

    from parcnet.base import UserError, next_steps, say, warn
    from parcnet_lab.bench import tables

    if asked.check == asked.write:
        raise UserError("say one of --check and --write: parcnet bench tables --check README.md docs")
    if not asked.paths:
        raise UserError("no file given: parcnet bench tables --check README.md docs")
    if asked.write:
        changed = tables.write(asked.paths, asked.results)
        say(f"wrote {', '.join(map(str, changed))}" if changed else "every table is up to date")
        return 0
    stale = tables.stale(asked.paths, asked.results)
    for path in stale:
        warn(f"{path}: its tables are not those of the result files")
    if stale:
        next_steps([(f"parcnet bench tables --write {shlex.join(map(str, stale))}", "brings them up to date")])
    return 1 if stale else 0


def _parts(what: str, arguments: Sequence[str]) -> int:
    from parcnet_cli.bench.command import parts as bench_parts  # it builds on this module

    return bench_parts.MEASUREMENTS[what](arguments)


def prepare(asked: Common) -> "tuple[torch.device, torch.dtype]":
    """Sets the threads, and checks what all measurements share."""
    # here, for the library takes seconds to load
    import torch

    from parcnet.base import pick_device, warn
    from parcnet_lab.bench.machine import dtype_named

    for name in ("threads", "batch", "channels", "repeats", "seeds"):
        value = getattr(asked, name, None)
        for each in value if isinstance(value, tuple) else [] if value is None else [value]:
            _at_least_one(f"--{name}", each)
    if asked.threads is not None:
        torch.set_num_threads(asked.threads)
    if os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE":
        warn("OMP_WAIT_POLICY is PASSIVE here: threads sleep between operations, which slows single images. Unset it.")
    return pick_device(asked.device), dtype_named(asked.dtype)


def _at_least_one(flag: str, value: int) -> None:
    from parcnet.base import UserError

    if value < 1:
        raise UserError(f"{flag} is {value}; expected at least 1.")


def _measured_cases(cases: "Sequence[Case]", device: "torch.device", seconds: float) -> "Iterator[dict[str, Any]]":
    """A row as soon as it is measured."""
    from parcnet.base import progress, warn
    from parcnet_lab.bench import ops

    with progress("timing operators", len(cases), "cases") as advance:
        for case, row in zip(cases, ops.measure(cases, device, seconds), strict=True):
            advance(1, str(case))
            for name, reason in row["wrong"].items():
                warn(f"{name} is not timed on {case}: {reason}")
            yield row


def _measure_networks(
    what: str,
    asked: Networks,
    steps: int,
    measure: "Callable[[Callable[[int, str], None]], Iterable[list[dict[str, Any]]]]",
) -> list[dict[str, Any]]:
    from parcnet.base import progress
    from parcnet_lab.bench.networks import contenders

    compared = [contenders(tag, asked.size, asked.peers) for tag in asked.tag]  # wrong names are said before any work
    with progress(what, steps * sum(map(len, compared)), "networks" if steps == 1 else "processes") as advance:
        return [row for rows in measure(advance) for row in rows]


def result_of(
    asked: Common,
    kind: str,
    arguments: Sequence[str],
    device: "torch.device",
    rows: list[dict[str, Any]],
    settings: dict[str, Any],
    notes: list[str],
) -> "BenchmarkResult":
    """The rows with where they come from; measures the ceiling."""
    from parcnet_lab.bench import describe
    from parcnet_lab.bench.machine import dtype_named
    from parcnet_lab.bench.results import BenchmarkResult

    command = shlex.join(["parcnet", "bench", kind, *_without_paths(arguments)])
    return BenchmarkResult(kind, command, describe(device, dtype_named(asked.dtype)), settings, rows, notes)


def finish(asked: Common, result: "BenchmarkResult") -> int:
    """Prints every view and keeps the file; 1 when something was not timed for a wrong answer."""
    from parcnet.base import next_steps, say, table
    from parcnet_lab.bench.views import VIEWS, view

    if asked.as_json:
        print(json.dumps(result.to_dict(), indent=2))
    else:
        for name in VIEWS[result.kind]:
            shown = view(result, name)
            table(shown.title, shown.columns, shown.rows)
        for note in result.notes:
            say(escape(note))
    if asked.output is not None:
        path = result.write(asked.output)
        if not asked.as_json:
            say(f"kept in {escape(str(path))}")
    elif not asked.as_json:
        next_steps([(f"{result.command} --output {RESULTS}", f"keeps it as {RESULTS}/{result.stem}.json")])
    return 1 if any(row.get("wrong") or row.get("failure") for row in result.rows) else 0


def _without_paths(arguments: Sequence[str]) -> list[str]:
    """The arguments but those that say where files go: they tell of somebody's folders and of nothing measured."""
    kept: list[str] = []
    files = ("--output", "--plot", "--table", "--files", "--folder")
    for place, argument in enumerate(arguments):
        if argument.split("=")[0] in files or (place and arguments[place - 1] in files):
            continue
        kept.append(argument)
    return kept


_WHAT: dict[str, Callable[[Sequence[str]], int]] = {
    "ops": _ops,
    "models": _models,
    "train": _train,
    "memory": _memory,
    "scaling": _scaling,
    "merge": lambda arguments: _parts("merge", arguments),
    "profile": lambda arguments: _parts("profile", arguments),
    "deploy": _deploy,
    "loader": _loader,
    "seeds": partial(_training, "seeds"),
    "finetune": partial(_training, "finetune"),
    "faults": partial(_training, "faults"),
    "coins": _coins,
    "segmentation": _segmentation,
    "tune": _tune,
    "tables": _tables,
}
