"""The run page: what one training run did, and what its network became, at a glance."""

from parcnet.report.bounds import Bounds
from parcnet.report.writer import Written, write_report

__all__ = ["Bounds", "Written", "write_report"]
