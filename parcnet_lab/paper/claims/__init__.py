"""The papers' claims as experiments that run here in minutes: each states a claim, tests it, and says what came out."""

from parcnet_lab.paper.claims.finding import ClaimFigure, Finding
from parcnet_lab.paper.claims.registry import EXPERIMENTS
from parcnet_lab.paper.claims.runner import run
from parcnet_lab.paper.claims.settings import Settings
from parcnet_lab.paper.claims.verdicts import Interval, Verdict

__all__ = ["EXPERIMENTS", "ClaimFigure", "Finding", "Interval", "Settings", "Verdict", "run"]
