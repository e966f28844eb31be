"""The experiments there are, by number."""

from parcnet_lab.paper.claims import ablations, border, cost, extreme, field, order, position, sizes
from parcnet_lab.paper.claims.experiment import Experiment

_MODULES = (order, position, border, field, sizes, ablations, cost, extreme)

EXPERIMENTS: dict[int, Experiment] = {module.EXPERIMENT.number: module.EXPERIMENT for module in _MODULES}
