"""The image size given by --size, or by --height and --width."""


def size_of(size: int | None, height: int | None, width: int | None) -> tuple[int, int] | None:
    """(H, W) in px; `size` fills in a missing side. None when all three are None.

    Raises `UserError` for a single side.
    """
    from parcnet.base import UserError  # here, because the library takes seconds to load

    if size is None and height is None and width is None:
        return None
    rows, columns = height or size, width or size
    if rows is None or columns is None:
        given = f"--height {height}" if columns is None else f"--width {width}"
        raise UserError(f"{given} alone is not a size: give --height and --width, or --size for a square.")
    return rows, columns
