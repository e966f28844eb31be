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
        if self.format not in SUFFIXES:
            raise unknown("format", self.format, SUFFIXES)
        if self.dtype not in DTYPES[self.format]:
            raise UserError(
                f"dtype {self.dtype!r} is not supported for {self.format} files: expected "
                f"{' or '.join(DTYPES[self.format])}."
            )
        for name, side in (("height", self.height), ("width", self.width)):
            if side < 32:
                raise UserError(f"{name} is {side}: expected at least 32 px, the stride of the last stage.")
        if self.batch is not None and self.batch < 1:
            raise UserError(f"batch is {self.batch}: expected at least 1, or `dynamic`.")

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
