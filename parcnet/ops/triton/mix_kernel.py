"""The fused token mixing of the spatial BGU as one Triton kernel. Imports triton; only `launch` imports it."""

import triton
import triton.language as tl

from parcnet.ops.triton.requirements import interpreted

INTERPRETED = tl.constexpr(interpreted())


@triton.jit
def offsets(index_c, index_i, index_j, stride_c, stride_h, stride_w):  # type: ignore[no-untyped-def]
    """[BC,1,1], [1,BI,1], [1,1,BJ] -> [BC,BI,BJ] element offsets within one image, which fit in 32 bits."""
    return index_c * stride_c + index_i * stride_h + index_j * stride_w


@triton.jit
def inside(index_c, index_i, index_j, channels, height, width):  # type: ignore[no-untyped-def]
    """Whether these positions are inside the map; outside is zero padding."""
    rows = (index_i >= 0) & (index_i < height)
    columns = (index_j >= 0) & (index_j < width)
    return (index_c < channels) & rows & columns


@triton.jit
def toeplitz_entries(kernel, taps, index_c, shift, channels):  # type: ignore[no-untyped-def]
    """kernel[c, shift + taps//2]: T[c,i,p] of Eq. 1 for shift = p-i, zero beyond a shorter kernel's reach."""
    tap = shift + taps // 2
    return tl.load(kernel + index_c * taps + tap, mask=(index_c < channels) & (tap >= 0) & (tap < taps), other=0.0)


@triton.jit
def product(a, b, total):  # type: ignore[no-untyped-def]
    """total + a b per channel, summed in fp32: tensor cores for half precision, true fp32 (never tf32) for fp32."""
    if INTERPRETED:  # the interpreter multiplies bf16 numbers as integers; their fp32 products are exact
        a = a.to(tl.float32)
        b = b.to(tl.float32)
    return tl.dot(a, b, total, input_precision="ieee")


@triton.jit
def mix_kernel(  # type: ignore[no-untyped-def]
    x, gate, kernel_h, kernel_w, local, out,
    channels, height, width, taps_h, taps_w, groups, row_blocks,
    x_b, x_c, x_h, x_w, gate_b, gate_c, gate_h, gate_w, out_b, out_c, out_h, out_w,
    SIDE: tl.constexpr, BAND: tl.constexpr, BANDED: tl.constexpr, TRANSPOSED: tl.constexpr,
    BLOCK_C: tl.constexpr, BLOCK_I: tl.constexpr, BLOCK_J: tl.constexpr, BLOCK_P: tl.constexpr,
    PAD_H: tl.constexpr, PAD_W: tl.constexpr,
):  # fmt: skip
    """Rows i of BLOCK_C channels of one image: Y = T_h X T_w' on tensor cores, plus the local kernel by shifts.

        TRANSPOSED false:  out = gate * (T_h x T_w' + local(x))     the operator
        TRANSPOSED true:   out = T_h' x T_w + local'(x)             x = upstream * gate; `gate` is not read

    Several programs share the channels of an image, BLOCK_I rows each: x is read once from device memory and from cache
    afterwards. The gate is read and `out` written once. Accumulation is in fp32; T_h x is rounded to the dtype of x
    between the products, as between two convolutions of torch.
    """
    program = tl.program_id(0)
    first_row = (program % row_blocks) * BLOCK_I
    group = (program // row_blocks) % groups
    image = (program // row_blocks // groups).to(tl.int64)
    x += image * x_b
    gate += image * gate_b
    out += image * out_b
    dtype = x.dtype.element_ty
    sign: tl.constexpr = -1 if TRANSPOSED else 1

    c = (group * BLOCK_C + tl.arange(0, BLOCK_C))[:, None, None]
    i = first_row + tl.arange(0, BLOCK_I)[None, :, None]
    every_q = tl.arange(0, PAD_W)

    vertical = tl.full((BLOCK_C, BLOCK_I, PAD_W), 0.0, tl.float32)
    for first_p in range(0, PAD_H, BLOCK_P):
        p = first_p + tl.arange(0, BLOCK_P)
        mask = inside(c, p[None, :, None], every_q[None, None, :], channels, height, width)
        rows = tl.load(x + offsets(c, p[None, :, None], every_q[None, None, :], x_c, x_h, x_w), mask=mask, other=0.0)
        matrix_h = toeplitz_entries(kernel_h, taps_h, c, sign * (p[None, None, :] - i), channels)
        vertical = product(matrix_h, rows, vertical)
    vertical_rounded = vertical.to(dtype)

    for first_j in range(0, PAD_W, BLOCK_J):
        j = first_j + tl.arange(0, BLOCK_J)[None, None, :]
        matrix_w = toeplitz_entries(kernel_w, taps_w, c, sign * (every_q[None, :, None] - j), channels)
        result = product(vertical_rounded, matrix_w, tl.full((BLOCK_C, BLOCK_I, BLOCK_J), 0.0, tl.float32))
        if BANDED:
            p = first_row - SIDE // 2 + tl.arange(0, BAND)
            tap_i = sign * (p[None, None, :] - i) + SIDE // 2
            in_band = (tap_i >= 0) & (tap_i < SIDE) & (c < channels)
            for tap_j in range(SIDE):
                band = tl.load(local + c * (SIDE * SIDE) + tap_i * SIDE + tap_j, mask=in_band, other=0.0)
                source_j = j + sign * (tap_j - SIDE // 2)
                mask = inside(c, p[None, :, None], source_j, channels, height, width)
                values = tl.load(x + offsets(c, p[None, :, None], source_j, x_c, x_h, x_w), mask=mask, other=0.0)
                result = product(band, values, result)
        else:
            nearby = tl.full((BLOCK_C, BLOCK_I, BLOCK_J), 0.0, tl.float32)
            for tap_i in range(SIDE):
                source_i = i + sign * (tap_i - SIDE // 2)
                for tap_j in tl.static_range(SIDE):
                    source_j = j + sign * (tap_j - SIDE // 2)
                    mask = inside(c, source_i, source_j, channels, height, width)
                    values = tl.load(x + offsets(c, source_i, source_j, x_c, x_h, x_w), mask=mask, other=0.0)
                    tap = tl.load(local + c * (SIDE * SIDE) + tap_i * SIDE + tap_j, mask=c < channels, other=0.0)
                    nearby += values.to(tl.float32) * tap.to(tl.float32)
            result += nearby
        mask = inside(c, i, j, channels, height, width)
        if not TRANSPOSED:
            result *= tl.load(gate + offsets(c, i, j, gate_c, gate_h, gate_w), mask=mask, other=0.0).to(tl.float32)
        tl.store(out + offsets(c, i, j, out_c, out_h, out_w), result.to(dtype), mask=mask)
