"""Figures from arrays, written to files. The only package that uses matplotlib, which it imports when it draws."""

from parcnet.plots.confusion import confusion
from parcnet.plots.curves import training_curves
from parcnet.plots.instances import DrawnInstances, draw_instances
from parcnet.plots.predictions import prediction_grid
from parcnet.plots.schedule import learning_rates

__all__ = ["DrawnInstances", "confusion", "draw_instances", "learning_rates", "prediction_grid", "training_curves"]
