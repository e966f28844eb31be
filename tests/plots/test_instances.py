import numpy as np
from PIL import Image

from parcnet.plots.instances import DrawnInstances, covered, draw_instances


def drawn(*kinds):
    masks = np.zeros((len(kinds), 40, 60), bool)
    for number in range(len(kinds)):
        masks[number, 10:20, 10 + 5 * number : 30 + 5 * number] = True
    boxes = [(10.0 + 5 * number, 10.0, 30.0 + 5 * number, 20.0) for number in range(len(kinds))]
    return DrawnInstances(boxes, masks, [f"kind {kind}" for kind in kinds], [0.9] * len(kinds), list(kinds))


GREY = np.full((40, 60, 3), 128, np.uint8)


def test_masks_colour_their_pixels_by_class_and_the_likelier_lies_on_top():
    mixed = covered(GREY, drawn(0, 1))
    outside = np.ones((40, 60), bool)
    outside[10:20, 10:35] = False
    assert (mixed[outside] == 128).all()
    alone = covered(GREY, drawn(0))
    assert (mixed[10:20, 10:30] == alone[10:20, 10:30]).all()
    assert (mixed[10:20, 30:35] != alone[10:20, 30:35]).any()


def test_pictures_with_many_objects_one_and_none_are_drawn(tmp_path):
    draw_instances([(GREY, drawn(*kinds)) for kinds in ((0, 1, 9), (), (2,) * 50)], tmp_path / "found.png")
    with Image.open(tmp_path / "found.png") as picture:
        assert picture.size[0] > 500
