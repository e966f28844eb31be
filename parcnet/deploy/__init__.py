"""Export of networks to files for other runtimes, verified against the network; inference with such files."""

from parcnet.deploy.export import Export, export
from parcnet.deploy.exported_predictor import ExportedPredictor, open_exported
from parcnet.deploy.request import SUFFIXES, Request, format_of
from parcnet.tasks.parity import Parity

__all__ = ["SUFFIXES", "Export", "ExportedPredictor", "Parity", "Request", "export", "format_of", "open_exported"]
