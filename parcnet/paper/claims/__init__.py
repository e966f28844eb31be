"""The papers' claims as experiments that run here in minutes: each states a claim, tests it, and says what came out."""

from parcnet.paper.claims.finding import Figure, Finding
from parcnet.paper.claims.registry import EXPERIMENTS
from parcnet.paper.claims.runner import run
from parcnet.paper.claims.settings import Settings
from parcnet.paper.claims.verdicts import Interval, Verdict

__all__ = ["EXPERIMENTS", "Figure", "Finding", "Interval", "Settings", "Verdict", "run"]
