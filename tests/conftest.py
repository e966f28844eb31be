"""Shared by all rooms: one thread a process, because the tests run in several processes."""

import os

import pytest
import torch
from hypothesis import settings

# first calls compile and load; a deadline would measure that. Derandomised, so that a red run is red again.
settings.register_profile("parcnet", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("parcnet")


def pytest_configure() -> None:
    torch.set_num_threads(1 if os.environ.get("PYTEST_XDIST_WORKER") else 2)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
