import json

import pytest
import torch

from parcnet.training import train
from parcnet.training.loop import fit as loop
from parcnet.training.loop.threads import cpu_threads


@pytest.mark.parametrize("count", [1, 2, None])
def test_the_number_of_threads_is_restored_also_on_exceptions(count):
    before = torch.get_num_threads()
    with cpu_threads(count):
        assert torch.get_num_threads() == (count or before)
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="invalid literal"), cpu_threads(count):
        int("not a number")
    assert torch.get_num_threads() == before


def test_a_run_uses_and_records_the_threads_of_its_recipe(recipe, monkeypatch):
    real, seen = loop.train_epoch, []

    def recording(*arguments, **options):
        seen.append(torch.get_num_threads())
        return real(*arguments, **options)

    monkeypatch.setattr(loop, "train_epoch", recording)
    before = torch.get_num_threads()
    folder = train(recipe(threads=3, epochs=1, warmup_epochs=0.0)).folder
    assert seen == [3]
    assert torch.get_num_threads() == before
    assert "3 threads" in json.loads(folder.result.read_text())["machine"]
