"""Random changes of colour for images whose labels are places: they move nothing."""

from torchvision.transforms import v2


def photometric_distortion() -> v2.Transform:
    """Brightness +-32/255, contrast and saturation 0.5 to 1.5, hue +-18/360: each half of the time, in random order.

    For uint8 images [3, h, w]; draws from torch's global generator. As in the published segmentation recipes.
    """
    strengths: list[dict[str, float | tuple[float, float]]] = [
        {"brightness": 32 / 255},
        {"contrast": (0.5, 1.5)},
        {"saturation": (0.5, 1.5)},
        {"hue": 18 / 360},
    ]
    return v2.RandomOrder([v2.RandomApply([v2.ColorJitter(**strength)], p=0.5) for strength in strengths])
