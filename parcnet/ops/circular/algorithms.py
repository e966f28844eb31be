"""The available algorithms by name."""

from parcnet.ops.circular.conv import CONV
from parcnet.ops.circular.fft import FFT
from parcnet.ops.circular.reference import REFERENCE
from parcnet.ops.oversized.problem import Algorithm

CIRCULAR_ALGORITHMS: dict[str, Algorithm] = {each.name: each for each in (CONV, FFT, REFERENCE)}
