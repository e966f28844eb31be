"""The papers' claims as experiments of minutes: each states a claim, tests it and reports a verdict."""

from parcnet_lab.paper.claims.finding import ClaimFigure, Finding
from parcnet_lab.paper.claims.registry import EXPERIMENTS
from parcnet_lab.paper.claims.runner import run
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import Interval, Verdict

__all__ = ["EXPERIMENTS", "ClaimFigure", "Finding", "Interval", "Settings", "Verdict", "run"]
