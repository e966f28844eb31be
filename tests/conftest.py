"""Shared by all rooms: one thread a process, because the tests run in several processes."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is imported

import pytest
import torch
from hypothesis import settings

# first calls compile and load; a deadline would measure that. Derandomised, so that a red run is red again.
settings.register_profile("parcnet", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("parcnet")


def pytest_configure() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
