"""A trained network made ready for others."""

from parcnet.sharing.publishing import Published, publish, upload

__all__ = ["Published", "publish", "upload"]
