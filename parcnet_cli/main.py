"""The command line: argv -> one call. Help needs neither torch nor timm, which take seconds to import."""

import importlib
import importlib.util
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

_MODULES = {
    "train": "parcnet_cli.train",
    "eval": "parcnet_cli.evaluate.command",
    "predict": "parcnet_cli.predict",
    "export": "parcnet_cli.export",
    "page": "parcnet_cli.page",
    "explain": "parcnet_cli.explain.command",
    "report": "parcnet_cli.report",
    "models": "parcnet_cli.models",
    "recipes": "parcnet_cli.recipes",
    "features": "parcnet_cli.features.extract",
    "probe": "parcnet_cli.features.probe",
    "publish": "parcnet_cli.publish",
    "data": "parcnet_cli.data",
    "bench": "parcnet_cli.bench.command",
    "paper": "parcnet_cli.paper.command",
}
"""Each has `run(arguments) -> exit code`."""

_HELP = """\
parcnet: ParCNet vision backbones, trained and used from the command line.

  parcnet train     train on your folder of images, or on the embedded digits
  parcnet eval      accuracy of a checkpoint
  parcnet predict   what a checkpoint sees in image files
  parcnet export    a file for ONNX Runtime, OpenVINO or MNN, proven to say what the network says
  parcnet page      a web page that runs a network in the browser: drop a picture, see its classes and heat
  parcnet explain   what a network looks at: Grad-CAM, kernels, receptive field, gates, position
  parcnet report    one HTML page on a training run: curves, mistakes, kernels, robustness, speed
  parcnet models    the networks: parameters, MACs, input size
  parcnet recipes   the packaged training recipes
  parcnet features  what a network makes of images before its classifier, in files
  parcnet probe     how good such features are: nearest neighbours, a linear classifier
  parcnet publish   make a folder or a repository of the hub from a trained network, for others to load
  parcnet data      pack a folder of images into shards, for training beyond one disk
  parcnet bench     how fast: operators and networks, beside ConvNeXt
  parcnet paper     the papers' tables, figures and claims, beside what is counted and measured here

Try:
  parcnet train                                   about a minute on two CPU cores, no data needed
  parcnet train --data-dir DIR                    DIR holds train/CLASS/*.jpg and val/CLASS/*.jpg
  parcnet predict runs/digits-... photo.jpg       a run folder stands for its best checkpoint

`parcnet COMMAND --help` shows every option; `parcnet --version` the version.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    0 done, 1 done in part (some images unreadable), 2 a mistake to fix (said without a traceback), 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if threads_should_sleep(arguments):
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is first imported
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_HELP, end="")
        return 0
    if arguments[0] == "--version":
        print(f"parcnet {_version()}")
        return 0
    return _run(arguments[0], arguments[1:])


def threads_should_sleep(arguments: Sequence[str]) -> bool:
    """Whether idle OpenMP threads should give way: spinning, they steal time from loader workers on few cores.

    Not where latency counts: waking up between operations costs a single image a quarter more time.
    """
    return bool(arguments) and arguments[0] in ("train", "eval")


def _run(name: str, arguments: list[str]) -> int:
    if name not in _MODULES:
        return _mistake(
            f"there is no command {name!r}; there are {', '.join(_MODULES)}. `parcnet --help` explains them."
        )
    try:
        return importlib.import_module(_MODULES[name]).run(arguments)
    except SystemExit as exit_:  # of the argument parser, which has said why
        return exit_.code if isinstance(exit_.code, int) else 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `parcnet models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except _user_errors() as error:
        return _mistake(str(error))


def _user_errors() -> tuple[type[Exception], ...]:
    """What a person can fix. Asked only after something was raised: whoever raised it has loaded the class."""
    loaded = sys.modules.get("parcnet.base.errors")
    return () if loaded is None else (loaded.UserError,)


def _version() -> str:
    """Without importing the package, and also where it is not installed."""
    package = importlib.util.find_spec("parcnet")
    assert package is not None
    assert package.origin is not None
    return runpy.run_path(str(Path(package.origin).with_name("version.py")))["__version__"]


def _mistake(text: str) -> int:
    print(f"parcnet: {text}", file=sys.stderr)
    return 2
