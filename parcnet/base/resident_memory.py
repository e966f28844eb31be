"""Peak memory of this process."""

import sys
from types import ModuleType

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows has no such module
    resource = None


def peak_resident_bytes() -> int | None:
    """The largest resident memory so far; None where the system does not tell."""
    if resource is None:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit
