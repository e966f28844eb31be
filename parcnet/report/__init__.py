"""The report of a training run on one HTML page: accuracy, curves, kernels, robustness, speed."""

from parcnet.report.bounds import Bounds
from parcnet.report.writer import Written, write_report

__all__ = ["Bounds", "Written", "write_report"]
