"""Accuracy under distribution shift: other photographs, drawings, corrupted images."""

from parcnet.evaluation.robustness.corruption_error import mean_corruption_error
from parcnet.evaluation.robustness.score import PartScore, score
from parcnet.evaluation.robustness.suite_table import csv_text, summary
from parcnet.evaluation.robustness.suites import SUITES, Part, parts_of

__all__ = ["SUITES", "Part", "PartScore", "csv_text", "mean_corruption_error", "parts_of", "score", "summary"]
