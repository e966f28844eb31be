"""The image size given by --size, or by --height and --width."""


def size_of(size: int | None, height: int | None, width: int | None) -> tuple[int, int] | None:
    """(H, W) in px; `size` fills in a side that is not given. None when nothing is given.

    Raises `UserError` for one side alone.
    """
    from parcnet.base import UserError  # here, because the library takes seconds to load

    if size is None and height is None and width is None:
        return None
    high, wide = height or size, width or size
    if high is None or wide is None:
        given = f"--height {height}" if wide is None else f"--width {width}"
        raise UserError(f"{given} alone is not a size: give --height and --width, or --size for a square.")
    return high, wide
