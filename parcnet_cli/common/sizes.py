"""--size, or --height and --width."""


def size_of(size: int | None, height: int | None, width: int | None) -> tuple[int, int] | None:
    """(H, W) in px, `size` standing for a side that is not given; None where nothing is given.

    Raises `UserError` for one side alone.
    """
    from parcnet.base import UserError  # here, for the library takes seconds to load

    if size is None and height is None and width is None:
        return None
    high, wide = height or size, width or size
    if high is None or wide is None:
        given = f"--height {height}" if wide is None else f"--width {width}"
        raise UserError(f"{given} alone is no size: give --height and --width, or --size for a square.")
    return high, wide
