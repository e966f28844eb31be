"""Sizes of resized images."""


def fitted_size(size: tuple[int, int], resize_to: tuple[int, int], scale: float = 1.0) -> tuple[int, int]:
    """(H, W), the largest size with the aspect ratio of `size` within the short and long side, times `scale`."""
    short, long = sorted(size)
    factor = min(resize_to[0] * scale / short, resize_to[1] * scale / long)
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)
