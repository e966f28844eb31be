import time

import pytest
import torch

from parcnet.deploy.algorithm_choice import algorithms_for
from parcnet.deploy.prepare import sized
from parcnet.layers.inference import DenseMix, MatmulMix


@pytest.mark.parametrize(("fast", "name"), [(MatmulMix, "matmul"), (DenseMix, "dense")])
def test_each_stage_gets_the_fastest_algorithm_of_its_runtime(fast, name, small_network) -> None:
    seen = []

    def runner(block, example, folder):
        quick = any(
            type(module).__name__ in (fast.__name__, "ConstantProducts" * (fast is MatmulMix))
            for module in block.modules()
        )
        assert block(example).shape == example.shape
        assert folder.is_dir()
        return lambda: time.sleep(0.0001 if quick else 0.002)

    model = sized(small_network, (32, 32))
    chosen = algorithms_for(model, torch.randn(1, 3, 32, 32), "reduced", runner, lambda n, what: seen.append((n, what)))
    assert chosen == (name,) * 4
    assert seen[0] == (1, f"stage 1: {name}")


def test_other_networks_have_nothing_to_choose() -> None:
    assert algorithms_for(torch.nn.Conv2d(3, 8, 3), torch.randn(1, 3, 8, 8), "reduced", None, None) == ()
