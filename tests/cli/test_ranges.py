import dataclasses
import importlib
import typing

import pytest

from parcnet_cli import main
from parcnet_cli.bench import command as bench
from parcnet_cli.common.ranges import RANGES
from parcnet_cli.data import command as data
from parcnet_cli.explain import command as explain
from parcnet_cli.paper import command as paper

_MODULES = [main._MODULES, *(each.SUBCOMMANDS for each in (bench, data, explain, paper))]


def _options():
    """The options of all commands."""
    modules = [importlib.import_module(name) for table in _MODULES for name in table.values()]
    return {kind for each in modules for kind in vars(each).values() if dataclasses.is_dataclass(kind)}


def _is_number(hint):
    inner = [each for each in typing.get_args(hint) if each is not Ellipsis]
    return any(map(_is_number, inner)) if inner else hint in (int, float)


def test_every_number_among_the_flags_has_a_range():
    hints = [typing.get_type_hints(kind) for kind in _options() if isinstance(kind, type)]
    numbers = {name for each in hints for name, hint in each.items() if _is_number(hint)}
    assert len(numbers) > 30
    assert numbers == set(RANGES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("predict NET photo.jpg --top 0", "-k is 0; expected at least 1 and at most 1,000,000"),
        ("predict NET photo.jpg --top 1000000000", "-k is 1000000000; expected at least 1"),
        ("predict NET photo.jpg --top " + "9" * 400, "-k is 99999999999999999999... (400 digits); expected"),
        ("eval NET --batch-size 1000000000", "--batch-size is 1000000000; expected"),
        ("eval NET --workers 100000", "--workers is 100000; expected 0 or more and at most 512 processes"),
        ("features NET -o x.npz --batch-size 0", "--batch-size is 0"),
        ("probe a.npz b.npz --k 0", "--k is 0"),
        ("probe a.npz b.npz --strength nan", "--strength is nan; expected"),
        ("probe a.npz b.npz --queries 1000000000", "--queries is 1000000000"),
        ("export NET --size 1000000000", "--size is 1000000000; expected at least 1 and at most 16,384 px"),
        ("export NET --height -1 --width 32", "--height is -1"),
        ("export NET --tolerance nan", "--tolerance is nan"),
        ("export NET --batch " + "9" * 5000, "expected a whole number, or dynamic"),
        ("page NET -o x --size 0", "--size is 0"),
        ("page NET -o x --tolerance inf", "--tolerance is inf"),
        ("explain gates NET --threshold nan", "--threshold is nan"),
        ("explain gates NET --img-size 32 1000000000", "--img-size is 1000000000"),
        ("explain kernels NET --channels 0", "--channels is 0"),
        ("explain position NET --shift -1", "--shift is -1"),
        ("report RUN --images 0", "--images is 0"),
        ("data pack a b --workers 1000000000", "--workers is 1000000000"),
        ("data pack a b --shard-size nan", "--shard-size is nan"),
        ("bench ops --seconds inf", "--seconds is inf"),
        ("bench ops --threads 100000", "--threads is 100000"),
        ("train --lr 1e300", "lr is 1e+300; expected above 0 and at most 1e+30"),
        ("train --lr nan", "lr is nan; expected"),
        ("train --threads 100000", "threads is 100000; expected"),
        ("train --batch-size 1000000000 --micro-batch 64", "batch_size is 1000000000; expected"),
        ("train --resume " + "x" * 300, "xxx... is too long for this file system: shorten it."),
        ("train --set batch_size=" + "9" * 400, "expected at least 1 and at most 1000000 images"),
    ],
    ids=lambda value: value[:40],
)
def test_a_number_out_of_range_is_refused_before_any_work(arguments, message, capsys):
    assert main.main(arguments.split()) == 2
    assert message in capsys.readouterr().err
