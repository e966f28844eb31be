"""Format, size, batch and precision of an exported file, validated before any work."""

from dataclasses import dataclass

from parcnet.base import UserError, unknown

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "mnn": ".mnn", "torch-export": ".pt2"}
"""Format -> suffix; OpenVINO writes the weights to a .bin beside the .xml."""

DTYPES = {
    "onnx": ("fp32", "fp16", "int8"),
    "openvino": ("fp32", "fp16", "int8"),
    "mnn": ("fp32", "fp16", "int8"),
    "torch-export": ("fp32",),
}
"""Format -> precisions; see `docs/deployment.md` for what a precision means in each format."""

LARGEST_SIDE, LARGEST_BATCH = 8192, 4096
"""Bounds on the images of a file: px a side, and images a call."""


@dataclass(frozen=True, slots=True)
class Request:
    """Specification of an exported file.

    Raises `UserError` for invalid values.
    """

    format: str
    height: int
    """Pixels."""
    width: int
    """Pixels."""
    batch: int | None = 1
    """Images per call; None for a dynamic batch."""
    dtype: str = "fp32"
    pixels: bool = False
    """Input is 8-bit RGB [B, H, W, C], normalised by the file; otherwise normalised float32 [B, C, H, W]."""

    def __post_init__(self) -> None:
        if not isinstance(self.format, str) or self.format not in SUFFIXES:
            raise unknown("format", str(self.format), SUFFIXES)
        if not isinstance(self.dtype, str) or self.dtype not in DTYPES[self.format]:
            raise UserError(
                f"dtype {self.dtype!r} is not supported for {self.format} files: expected "
                f"{' or '.join(DTYPES[self.format])}."
            )
        for name, side in (("height", self.height), ("width", self.width)):
            if type(side) is not int or not 32 <= side <= LARGEST_SIDE:
                raise UserError(
                    f"{name} is {side!r}: expected at least 32 px, the stride of the last stage, and at most "
                    f"{LARGEST_SIDE} px."
                )
        if self.batch is not None and (type(self.batch) is not int or not 1 <= self.batch <= LARGEST_BATCH):
            raise UserError(f"batch is {self.batch!r}: expected at least 1 and at most {LARGEST_BATCH}, or `dynamic`.")
        if not isinstance(self.pixels, bool):
            raise UserError(f"pixels is {self.pixels!r}: expected true or false.")

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.height, self.width

    @property
    def suffix(self) -> str:
        """Suffix of the file's name."""
        return SUFFIXES[self.format]


def format_of(path: object) -> str | None:
    """The format by a file name's suffix, or None."""
    return next((name for name, suffix in SUFFIXES.items() if str(path).endswith(suffix)), None)
