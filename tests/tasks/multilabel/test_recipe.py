import pytest

from parcnet.base import UserError
from parcnet.recipes import override, read_recipe
from parcnet.tasks.multilabel.recipe import MultiLabelSettings


def test_the_packaged_recipe_is_of_this_task_and_keeps_what_labels_name():
    recipe = read_recipe("multilabel_folder")
    assert recipe.task == "multilabel"
    assert recipe.settings == MultiLabelSettings(threshold=0.5)
    assert (recipe.augmentation.reprob, recipe.augmentation.smoothing) == (0, 0)


def test_the_threshold_is_set_by_its_name_alone():
    assert override(read_recipe("multilabel_folder"), ["threshold=0.3"]).settings.threshold == 0.3


@pytest.mark.parametrize("value", [0.0, 1.0, -0.5, float("nan")])
def test_a_threshold_that_decides_nothing_is_refused(value):
    with pytest.raises(UserError, match=r"threshold is .*; expected above 0 and below 1"):
        MultiLabelSettings(threshold=value)
