import torch

from parcnet.base import iterate_tensors, map_tensors, to_device

NESTED = [torch.ones(2), {"boxes": torch.zeros(3), "size": (4, 5)}, ("name", torch.full((1,), 7.0))]


def test_map_tensors_changes_every_tensor_and_nothing_else():
    changed = map_tensors(lambda tensor: tensor + 1, NESTED)
    assert [each.tolist() for each in iterate_tensors(changed)] == [[2, 2], [1, 1, 1], [8]]
    assert changed[1]["size"] == (4, 5)
    assert changed[2][0] == "name"
    assert [type(each) for each in changed] == [torch.Tensor, dict, tuple]
    assert NESTED[0].tolist() == [1, 1]


def test_batches_of_images_move_into_channels_last_memory():
    images, mask = to_device([torch.randn(2, 3, 4, 5), torch.randn(4, 5)], torch.device("cpu"))
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert mask.shape == (4, 5)
