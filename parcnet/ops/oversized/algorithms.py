"""The available algorithms by name."""

from parcnet.ops.oversized.conv import CONV
from parcnet.ops.oversized.dense import DENSE
from parcnet.ops.oversized.fft import FFT
from parcnet.ops.oversized.matmul import MATMUL
from parcnet.ops.oversized.problem import Algorithm
from parcnet.ops.oversized.reference import REFERENCE

ALGORITHMS: dict[str, Algorithm] = {each.name: each for each in (CONV, MATMUL, FFT, DENSE, REFERENCE)}
