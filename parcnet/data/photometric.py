"""Photometric distortion: colour augmentation that leaves the geometry of dense labels unchanged."""

from torchvision.transforms import v2


def photometric_distortion() -> v2.Transform:
    """Brightness +-32/255, contrast and saturation 0.5 to 1.5, hue +-18/360, in random order.

    Each is applied with probability 0.5, as in the published segmentation recipes. For uint8 images [3, h, w]; draws
    from torch's global generator.
    """
    strengths: list[dict[str, float | tuple[float, float]]] = [
        {"brightness": 32 / 255},
        {"contrast": (0.5, 1.5)},
        {"saturation": (0.5, 1.5)},
        {"hue": 18 / 360},
    ]
    return v2.RandomOrder([v2.RandomApply([v2.ColorJitter(**strength)], p=0.5) for strength in strengths])
