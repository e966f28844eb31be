"""What is asked of an export, checked before any work."""

from dataclasses import dataclass

from parcnet.base import UserError, unknown

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "mnn": ".mnn", "torch-export": ".pt2"}
"""Suffix of each format's file; OpenVINO writes its weights into a .bin beside."""

DTYPES = {
    "onnx": ("fp32", "fp16", "int8"),
    "openvino": ("fp32", "fp16", "int8"),
    "mnn": ("fp32", "fp16", "int8"),
    "torch-export": ("fp32",),
}
"""What each format can hold: see `docs/deployment.md` for what a precision means where."""


@dataclass(frozen=True, slots=True)
class Request:
    """One file: its format, the one image size it serves, its batch, its precision.

    Raises `UserError` for what no file can have.
    """

    format: str
    height: int
    """Pixels."""
    width: int
    """Pixels."""
    batch: int | None = 1
    """Images at a time; None: any number."""
    dtype: str = "fp32"
    pixels: bool = False
    """The file takes 8-bit RGB pixels [B, H, W, C] and normalises them itself; else normalised float32 [B, C, H, W]."""

    def __post_init__(self) -> None:
        if self.format not in SUFFIXES:
            raise unknown("format", self.format, SUFFIXES)
        if self.dtype not in DTYPES[self.format]:
            raise UserError(
                f"dtype {self.dtype!r} is not one that {self.format} files are written in here: expected "
                f"{' or '.join(DTYPES[self.format])}."
            )
        for name, side in (("height", self.height), ("width", self.width)):
            if side < 32:
                raise UserError(f"{name} is {side}: expected at least 32 px, what the networks' stages divide by.")
        if self.batch is not None and self.batch < 1:
            raise UserError(f"batch is {self.batch}: expected at least 1, or dynamic for any number.")

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.height, self.width

    @property
    def suffix(self) -> str:
        """How the file's name ends."""
        return SUFFIXES[self.format]


def format_of(path: object) -> str | None:
    """The format that a file's name says, or None."""
    return next((name for name, suffix in SUFFIXES.items() if str(path).endswith(suffix)), None)
