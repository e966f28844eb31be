"""Accuracy on what a network was not trained for: other photographs, drawings, damaged images."""

from parcnet.evaluation.robustness.score import Scored, score
from parcnet.evaluation.robustness.suites import SUITES, Part, parts_of
from parcnet.evaluation.robustness.table import csv_text, summary

__all__ = ["SUITES", "Part", "Scored", "csv_text", "parts_of", "score", "summary"]
