"""The process group of a run: rank and collective operations. Without torchrun there is one process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from parcnet.base import UserError
from parcnet.training.distributed.heartbeat import heartbeat

_TIMEOUT = timedelta(minutes=30)
"""How long ranks wait for a slow rank; lost ranks are detected within a minute."""


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process among the `world` processes of a run, with torchrun's numbering."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    """Rank on this machine, which selects the GPU."""
    store: dist.Store | None = None
    """Key-value store of all ranks; None for one process."""

    @property
    def main(self) -> bool:
        """Whether this rank writes files and prints."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The elementwise sum over all ranks, bit-identical on each; overwrites `values`."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def from_main(self, content: bytes | None) -> bytes:
        """The main rank's content on all ranks; the others pass None."""
        if self.world == 1:
            assert content is not None
            return content
        length = torch.tensor(len(content) if content is not None else 0)
        dist.broadcast(length, 0)
        # frombuffer takes no empty buffer, and warns of a read-only one
        data = torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)
        data = data if self.main else torch.empty(int(length), dtype=torch.uint8)
        if len(data):
            dist.broadcast(data, 0)
        return data.numpy().tobytes()

    def gathered(self, content: bytes) -> list[bytes]:
        """The contents of all ranks, in order of rank, on every rank."""
        if self.world == 1:
            return [content]
        lengths = torch.zeros(self.world, dtype=torch.int64)
        lengths[self.rank] = len(content)
        parts = []
        for rank, length in enumerate(self.total(lengths).tolist()):
            # frombuffer takes no empty buffer, and warns of a read-only one
            own = torch.frombuffer(bytearray(content), dtype=torch.uint8) if rank == self.rank and length else None
            data = torch.empty(length, dtype=torch.uint8) if own is None else own
            if length:
                dist.broadcast(data, rank)
            parts.append(data.numpy().tobytes())
        return parts

    def barrier(self) -> None:
        """Waits until every rank has reached this point."""
        self.total(torch.zeros(1))

    def reports_first(self) -> bool:
        """Whether no rank has reported an error yet, so that an error of all ranks is printed once."""
        if self.store is None:
            return True
        try:
            return self.store.add("reported", 1) == 1
        except RuntimeError:  # the rank that hosts the store is gone
            return True


_VARIABLES = {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}


def launch_environment() -> ProcessGroup:
    """The process group in torchrun's environment variables, not connected. Raises `UserError` for invalid values."""
    try:
        world, rank, local = (int(os.environ.get(name, default)) for name, default in _VARIABLES.items())
    except ValueError:
        settings = ", ".join(f"{name}={os.environ.get(name)!r}" for name in _VARIABLES)
        raise UserError(f"expected whole numbers in {settings}. torchrun sets them; unset them to run alone.") from None
    if not 0 <= rank < world:
        raise UserError(
            f"RANK is {rank}; expected less than WORLD_SIZE, {world}. torchrun sets both; unset them to run alone."
        )
    return ProcessGroup(rank, world, local)


@contextmanager
def connected(device: torch.device) -> Iterator[ProcessGroup]:
    """Connects the ranks of torchrun (gloo for CPU tensors, NCCL for GPU tensors) until the block ends.

    A single process connects to nothing. A rank that dies ends the others, see `heartbeat`.
    """
    own = launch_environment()
    if own.world == 1:
        yield own
        return
    store, rank, world = _rendezvous(device)
    try:
        with heartbeat(store.clone(), rank, world):
            group = ProcessGroup(rank, world, own.local_rank, store)
            yield group
            group.barrier()  # a rank that exits early would count as lost
    finally:
        dist.destroy_process_group()


def rank_device(device: torch.device, group: ProcessGroup) -> torch.device:
    """The device of this rank: `cuda` is the GPU of its local rank. Raises `UserError` without such a GPU."""
    if group.world == 1 or device.type != "cuda" or device.index is not None:
        return device
    if group.local_rank >= torch.cuda.device_count():
        raise UserError(
            f"process {group.local_rank} of this machine has no GPU: torch sees {torch.cuda.device_count()}. Use a "
            "smaller --nproc-per-node, or --device cpu."
        )
    return torch.device("cuda", group.local_rank)


def _rendezvous(device: torch.device) -> tuple[dist.Store, int, int]:
    """(store, rank, number of ranks) once all are connected. Raises `UserError` if they cannot connect."""
    try:
        base, rank, world = next(iter(rendezvous("env://", timeout=_TIMEOUT)))
        store = dist.PrefixStore(_attempt(), base)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            store=dist.PrefixStore("group", store),
            rank=rank,
            world_size=world,
            timeout=_TIMEOUT,
        )
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"the processes of this run cannot connect to each other: {str(error).splitlines()[0]}. Check torchrun's "
            "address and that all processes are running."
        ) from None
    return store, rank, world


def _attempt() -> str:
    """A name of this launch: torchrun's store survives restarts and keeps the addresses of lost processes.

    Only for one machine: several count restarts independently, but get a new store each time (--rdzv-backend c10d).
    """
    alone = os.environ.get("GROUP_WORLD_SIZE") == "1"
    return f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}" if alone else "run"
