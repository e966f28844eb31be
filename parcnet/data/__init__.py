"""Images, datasets, batches and preprocessing that all tasks share."""

from parcnet.data.augmentation import mixup, train_transform
from parcnet.data.datasets import (
    ImageDataset,
    LabelledImages,
    Split,
    SupportsEpochOrder,
    data_name,
    has_split,
    open_dataset,
)
from parcnet.data.images import BadImage, decode_image, open_image
from parcnet.data.loaders import Batches, eval_loader, train_loader
from parcnet.data.preprocessing import JointTransform, Preprocessing, Transform
from parcnet.data.randomness import preserved_randomness, reseed
from parcnet.data.repeat_dataset import RepeatDataset, repeated
from parcnet.data.sampler import EpochSampler
from parcnet.data.samples import collate, collate_lists
from parcnet.data.splits import Splits

__all__ = [
    "BadImage",
    "Batches",
    "EpochSampler",
    "ImageDataset",
    "JointTransform",
    "LabelledImages",
    "Preprocessing",
    "RepeatDataset",
    "Split",
    "Splits",
    "SupportsEpochOrder",
    "Transform",
    "collate",
    "collate_lists",
    "data_name",
    "decode_image",
    "eval_loader",
    "has_split",
    "mixup",
    "open_dataset",
    "open_image",
    "preserved_randomness",
    "repeated",
    "reseed",
    "train_loader",
    "train_transform",
]
