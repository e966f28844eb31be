"""All experiments, by number."""

from parcnet_lab.paper.claims import (
    block_receptive_field,
    border_distortion,
    cost_growth,
    input_sizes,
    kernel_length,
    pass_order,
    position_encoding,
    small_ablations,
)
from parcnet_lab.paper.claims.experiment import Experiment

_MODULES = (
    pass_order,
    position_encoding,
    border_distortion,
    block_receptive_field,
    input_sizes,
    small_ablations,
    cost_growth,
    kernel_length,
)

EXPERIMENTS: dict[int, Experiment] = {module.EXPERIMENT.number: module.EXPERIMENT for module in _MODULES}
