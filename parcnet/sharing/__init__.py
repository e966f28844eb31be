"""Publishing a trained network: a folder that timm and the hub read, with a model card."""

from parcnet.sharing.publishing import Published, publish, upload

__all__ = ["Published", "publish", "upload"]
