"""The command line: argv -> one call. Help needs neither torch nor timm, which take seconds to import."""

import errno
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
    "data": "parcnet_cli.data.command",
    "bench": "parcnet_cli.bench.command",
    "paper": "parcnet_cli.paper.command",
}
"""Each has `run(arguments) -> exit code`."""

_LABORATORY = ("bench", "paper")
"""Commands that may need packages of the extra `lab`."""
_OURS = ("parcnet", "parcnet_cli", "parcnet_lab")

_HELP = """\
parcnet: ParCNet vision backbones, trained and used from the command line.

  parcnet train     trains a network on a folder of images, or on the embedded digits
  parcnet eval      metrics of a checkpoint on a data set
  parcnet predict   predictions of a checkpoint for image files
  parcnet export    a file for ONNX Runtime, OpenVINO or MNN, verified against the network
  parcnet page      a web page that runs a network in the browser: classes and class activation maps of any picture
  parcnet explain   visual explanations: Grad-CAM, kernels, receptive field, gates, position
  parcnet report    a training run on one HTML page: curves, errors, kernels, robustness, speed
  parcnet models    the networks: parameters, MACs, input size
  parcnet recipes   the packaged training recipes
  parcnet features  features of images, before the classifier, as files
  parcnet probe     quality of such features: nearest neighbours and a linear classifier
  parcnet publish   a trained network as a folder or a hub repository that others can load
  parcnet data      packs a folder of images into shards, for data sets beyond one disk
  parcnet bench     speed, memory and accuracy of operators and networks, compared with ConvNeXt
  parcnet paper     the papers' tables, figures and claims, compared with what is counted and measured here

Try:
  parcnet train                                   about a minute on two CPU cores, no data needed
  parcnet train --data-dir DIR                    DIR holds train/CLASS/*.jpg and val/CLASS/*.jpg
  parcnet predict runs/digits-... photo.jpg       a run folder stands for its best checkpoint

`parcnet COMMAND --help` shows every option; `parcnet --version` shows the version.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    0 done; 1 partly done, e.g. some images were unreadable; 2 a user error, printed without a traceback; 130
    interrupted.
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
    """Whether idle OpenMP threads should sleep: spinning threads take time from loader workers on few cores.

    Not where latency matters: waking up between operations makes a single image take a quarter longer.
    """
    return bool(arguments) and arguments[0] in ("train", "eval")


def _run(name: str, arguments: list[str]) -> int:
    if name not in _MODULES:
        return _mistake(
            f"there is no command {name!r}; there are {', '.join(_MODULES)}. `parcnet --help` explains them."
        )
    try:
        return importlib.import_module(_MODULES[name]).run(arguments)
    except SystemExit as exit_:  # of the argument parser, which has printed the reason
        return exit_.code if isinstance(exit_.code, int) else 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `parcnet models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if name not in _LABORATORY or not package or package in _OURS:
            raise
        return _mistake(f"`parcnet {name}` needs {package}, which is not installed: pip install 'parcnet[lab]'.")
    except _user_errors() as error:
        return _mistake(str(error))
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return _mistake(f"the name {str(error.filename)[:60]}... is too long for this file system: shorten it.")


def _user_errors() -> tuple[type[Exception], ...]:
    """The errors that a user can fix. Evaluated after something was raised: whoever raised it has loaded the class."""
    loaded = sys.modules.get("parcnet.base.errors")
    return () if loaded is None else (loaded.UserError,)


def _version() -> str:
    """The version, without importing the package, and also where it is not installed."""
    package = importlib.util.find_spec("parcnet")
    assert package is not None
    assert package.origin is not None
    return runpy.run_path(str(Path(package.origin).with_name("version.py")))["__version__"]


def _mistake(text: str) -> int:
    print(f"parcnet: {text}", file=sys.stderr)
    return 2
