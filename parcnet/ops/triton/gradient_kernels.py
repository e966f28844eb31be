"""Gradients of the kernels' taps: partial sums over chunks of the batch. Imports triton; only `launch` imports it."""

import triton
import triton.language as tl

from parcnet.ops.triton.mix_kernel import inside, offsets, product, toeplitz_entries


@triton.jit
def matrix_gradient_kernel(  # type: ignore[no-untyped-def]
    ungated, x, kernel_h, partial,
    batch, channels, height, width, taps_h, groups, column_blocks, chunk_images,
    ungated_b, ungated_c, ungated_h, ungated_w, x_b, x_c, x_h, x_w,
    BLOCK_C: tl.constexpr, BLOCK_I: tl.constexpr, BLOCK_J: tl.constexpr, BLOCK_P: tl.constexpr,
    PAD_H: tl.constexpr, PAD_W: tl.constexpr,
):  # fmt: skip
    """dT_w[c,j,q] = sum over the chunk's images and rows i of D[c,i,j] (T_h x)[c,i,q].

    D is `ungated` = upstream * gate. T_h x is recomputed, not stored. With height and width, their strides and the
    kernels exchanged, this is dT_h, because the two passes commute.
    `partial` is [chunks, C, W, W], fp32, every element written by one program.
    """
    program = tl.program_id(0)
    first_j = (program % column_blocks) * BLOCK_J
    group = (program // column_blocks) % groups
    chunk = program // column_blocks // groups
    dtype = x.dtype.element_ty

    c = (group * BLOCK_C + tl.arange(0, BLOCK_C))[:, None, None]
    j = first_j + tl.arange(0, BLOCK_J)[None, :, None]
    q = tl.arange(0, PAD_W)[None, None, :]

    total = tl.full((BLOCK_C, BLOCK_J, PAD_W), 0.0, tl.float32)
    x += (chunk * chunk_images).to(tl.int64) * x_b
    ungated += (chunk * chunk_images).to(tl.int64) * ungated_b
    for _image in range(chunk * chunk_images, min(batch, (chunk + 1) * chunk_images)):
        for first_i in range(0, PAD_H, BLOCK_I):
            i = first_i + tl.arange(0, BLOCK_I)
            vertical = tl.full((BLOCK_C, BLOCK_I, PAD_W), 0.0, tl.float32)
            for first_p in range(0, PAD_H, BLOCK_P):
                p = first_p + tl.arange(0, BLOCK_P)
                mask = inside(c, p[None, :, None], q, channels, height, width)
                rows = tl.load(x + offsets(c, p[None, :, None], q, x_c, x_h, x_w), mask=mask, other=0.0)
                matrix_h = toeplitz_entries(kernel_h, taps_h, c, p[None, None, :] - i[None, :, None], channels)
                vertical = product(matrix_h, rows, vertical)
            mask = inside(c, i[None, None, :], j, channels, height, width)
            where = offsets(c, i[None, None, :], j, ungated_c, ungated_h, ungated_w)
            columns = tl.load(ungated + where, mask=mask, other=0.0)
            total = product(columns, vertical.to(dtype), total)
        x += x_b
        ungated += ungated_b
    row = (chunk.to(tl.int64) * channels + c) * width + j
    tl.store(partial + row * width + q, total, mask=(c < channels) & (j < width) & (q < width))


@triton.jit
def local_gradient_kernel(  # type: ignore[no-untyped-def]
    ungated, x, partial,
    positions, channels, height, width, groups, chunk_positions,
    ungated_b, ungated_c, ungated_h, ungated_w, x_b, x_c, x_h, x_w,
    SIDE: tl.constexpr, PAD_TAPS: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    """dlocal[c,s,t] = sum over the chunk's positions n = (image, i, j) of D[c,i,j] x[c, i+s-r, j+t-r], r = SIDE//2.

    `partial` is [chunks, C, SIDE*SIDE], fp32, every element written by one program.
    """
    group = tl.program_id(0) % groups
    chunk = tl.program_id(0) // groups
    c = (group * BLOCK_C + tl.arange(0, BLOCK_C))[:, None, None]
    tap = tl.arange(0, PAD_TAPS)[None, None, :]
    total = tl.full((BLOCK_C, BLOCK_N, PAD_TAPS), 0.0, tl.float32)
    last = min(positions, (chunk + 1) * chunk_positions)
    for first in range(chunk * chunk_positions, last, BLOCK_N):
        n = first + tl.arange(0, BLOCK_N)[None, :, None]
        image = (n // (height * width)).to(tl.int64)
        i = n // width % height
        j = n % width
        valid = (n < last) & (c < channels)
        where = image * ungated_b + offsets(c, i, j, ungated_c, ungated_h, ungated_w)
        centre = tl.load(ungated + where, mask=valid, other=0.0).to(tl.float32)
        source_i = i + tap // SIDE - SIDE // 2
        source_j = j + tap % SIDE - SIDE // 2
        mask = valid & inside(c, source_i, source_j, channels, height, width) & (tap < SIDE * SIDE)
        values = tl.load(x + image * x_b + offsets(c, source_i, source_j, x_c, x_h, x_w), mask=mask, other=0.0)
        total += centre * values.to(tl.float32)
    sums = tl.sum(total, axis=1)
    c = group * BLOCK_C + tl.arange(0, BLOCK_C)[:, None]
    tap = tl.arange(0, PAD_TAPS)[None, :]
    row = chunk.to(tl.int64) * channels + c
    tl.store(partial + row * (SIDE * SIDE) + tap, sums, mask=(c < channels) & (tap < SIDE * SIDE))
