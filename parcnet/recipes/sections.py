"""The sections of a recipe: frozen dataclasses with unique field names, so that every field is one flat flag."""

import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from parcnet.base.errors import UserError
from parcnet.recipes.expecting import expect
from parcnet.recipes.ranges import BATCH, COUNT, EPOCHS, PIXELS, PROCESSES, RATE, THREADS, Longest, Range, check_ranges
from parcnet.recipes.task_sections import check_unused, task_section

Settings = TypeVar("Settings")

_NUMBERS = re.compile(r"(?<!mstd)(?<![\d.])\d+")
"""The whole parts of the numbers in a specification of timm; from mstd 100 on, timm draws magnitudes uniformly."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network and its initial weights."""

    model: str = "parcnetv2_digits"
    """Registered name; `parcnet models` lists ours, and any timm model works too."""
    model_args: str = ""
    """Further arguments of timm.create_model as YAML, e.g. '{depths: [1, 1, 2, 1], dims: [32, 64, 96, 128]}'."""
    img_size: Annotated[int | None, Range(1, PIXELS, "px")] = None
    """Height and width of the input in pixels. None: the network's default."""
    in_chans: Annotated[int, Range(1, 3)] = 3
    """Colour channels of the input: 3, or 1 for grey."""
    drop_path: Annotated[float, Range(0, 1, below=True)] = 0.0
    """Stochastic depth rate of the last block; rates grow linearly from 0 at the first block."""
    kernel_fit: Literal["interpolate", "fixed"] | None = None
    """How oversized kernels adapt to other input sizes. None: the network's default (ours: interpolate)."""
    initial_checkpoint: str | None = None
    """Load the initial weights from this checkpoint or run folder; a head for other classes is initialised randomly."""
    head_init_scale: Annotated[float, Range(0, 1e6, above=True)] = 1.0
    """Factor on the weights and biases of a newly initialised head; small values, e.g. 0.001, help fine-tuning of large
    networks."""
    grad_checkpointing: bool = False
    """Recompute each block's activations in the backward pass: less memory, about a third more time."""

    def __post_init__(self) -> None:
        check_ranges(self)
        expect(self.in_chans in (1, 3), "in_chans", self.in_chans, "3 (colour) or 1 (grey)")


@dataclass(frozen=True, slots=True)
class Data:
    """The images and how they are batched."""

    data_dir: str | None = None
    """Folder with train/CLASS/ and val/CLASS/, test/CLASS/ if there is one; hfds/DIR for parquet, wds/DIR or wds/URL
    for tar shards (`parcnet data --help`). None: the embedded digits."""
    batch_size: Annotated[int, Range(1, BATCH, "images")] = 64
    """Images per step over all processes; the last, incomplete batch of an epoch is dropped."""
    micro_batch: Annotated[int | None, Range(1, BATCH, "images")] = None
    """Largest number of images in one forward pass on each device; a larger batch is split and its gradients
    accumulated. None: each device takes its share of the batch in one pass."""
    workers: Annotated[int, Range(0, PROCESSES, "processes")] = 2
    """Worker processes that read and augment images; 0: the main process does."""
    max_bad_images: Annotated[int, Range(0, COUNT, "images")] = 0
    """Unreadable images tolerated, per process and epoch: each is reported and replaced by another. One more stops
    training."""
    crop_pct: Annotated[float, Range(0.01, 1)] = 0.875
    """Evaluation: fraction of the resized image that the centre crop keeps."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"] = "bicubic"
    """Evaluation: interpolation of resizing."""
    train_interpolation: Literal["random", "nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"] = "random"
    """Training: interpolation of resizing; random draws bilinear or bicubic for each image."""
    train_sizes: Annotated[tuple[int, int] | None, Range(1, PIXELS, "px")] = None
    """Multi-scale training: smallest and largest side in px. Each step draws a multiple of 32 in this range; evaluation
    uses img_size. None: every step uses img_size."""
    repeats: Annotated[int, Range(1, 10_000)] = 1
    """How many times an epoch uses each image, augmented anew each time; for small data sets, not for tar shards."""

    def __post_init__(self) -> None:
        check_ranges(self)
        sizes = self.train_sizes
        steps = sizes is None or (sizes[0] <= sizes[1] and not sizes[0] % 32 and not sizes[1] % 32)
        expect(steps, "train_sizes", sizes, "two multiples of 32, the smaller first, or none")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Augmentation of training images and labels; names and meaning are timm's."""

    scale: Annotated[tuple[float, float], Range(0, 1, above=True)] = (0.08, 1.0)
    """Random resized crop: smallest and largest fraction of the area."""
    ratio: Annotated[tuple[float, float], Range(1e-3, 1e3)] = (0.75, 1.3333333333333333)
    """Random resized crop: smallest and largest aspect ratio, width / height."""
    hflip: Annotated[float, Range(0, 1)] = 0.5
    """Probability of a horizontal flip; 0 where mirroring changes the class, as for digits."""
    color_jitter: Annotated[float, Range(0, 100)] = 0.4
    """Strength of brightness, contrast and saturation jitter; timm disables it under auto_augment."""
    auto_augment: str | None = None
    """timm's specification of an AutoAugment policy, e.g. rand-m9-mstd0.5-inc1 for RandAugment. None: off."""
    reprob: Annotated[float, Range(0, 1)] = 0.0
    """Probability of random erasing."""
    remode: Literal["const", "rand", "pixel"] = "pixel"
    """Random erasing fills with black (const), one random colour (rand) or per-pixel noise (pixel)."""
    mixup: Annotated[float, Range(0, 1e4)] = 0.0
    """Alpha of mixup's Beta distribution; 0: off."""
    cutmix: Annotated[float, Range(0, 1e4)] = 0.0
    """Alpha of cutmix's Beta distribution; 0: off."""
    mixup_switch_prob: Annotated[float, Range(0, 1)] = 0.5
    """Probability that a batch uses cutmix rather than mixup when both are on."""
    smoothing: Annotated[float, Range(0, 1, below=True)] = 0.1
    """Label smoothing: probability mass spread over all classes."""

    def __post_init__(self) -> None:
        check_ranges(self)
        expect(self.scale[0] <= self.scale[1], "scale", self.scale, "two fractions, the smaller first")
        small = all(float(number) <= 100 for number in _NUMBERS.findall(self.auto_augment or ""))
        expect(small, "auto_augment", self.auto_augment, "numbers of at most 100 in it, e.g. rand-m9-mstd0.5-inc1")
        expect(self.ratio[0] <= self.ratio[1], "ratio", self.ratio, "two aspect ratios, the smaller first")


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The optimiser. Biases and other 1-D parameters have no weight decay."""

    opt: str = "adamw"
    """Name of a timm optimiser."""
    lr: Annotated[float, Range(0, RATE, above=True)] = 1e-3
    """Peak learning rate at this recipe's batch size; it is not rescaled for other batch sizes."""
    weight_decay: Annotated[float, Range(0, 1000)] = 0.05
    """Weight decay of parameters with two or more dimensions."""
    clip_grad: Annotated[float | None, Range(0, 1e9, above=True)] = None
    """Gradient clipping: largest norm of the whole gradient. None: off."""
    layer_decay: Annotated[float | None, Range(0, 1, above=True)] = None
    """Layer-wise learning rate decay: factor from each group of layers to the one before it. None: off."""
    layer_decay_by: Literal["network", "blocks", "stages"] = "network"
    """What forms a group of layers: the network's group_matcher (as in timm), three consecutive blocks, or a stage."""
    layer_decay_groups: Annotated[int | None, Range(1, 10_000)] = None
    """n in the stem's factor layer_decay^(n + 1); the head's is 1. None: the number of groups. Only with layer_decay_by
    blocks or stages."""
    ema_decay: Annotated[float | None, Range(0, 1, above=True, below=True)] = None
    """Decay of the weights' exponential moving average, which is then validated and saved. None: off."""
    max_skipped_steps: Annotated[int, Range(0, COUNT, "steps")] = 3
    """Consecutive steps that may be skipped because loss or gradient is not finite; one more stops training, as does an
    epoch whose steps are all skipped."""

    def __post_init__(self) -> None:
        check_ranges(self)
        groups = self.layer_decay_groups
        allowed = groups is None or self.layer_decay_by != "network"
        expect(allowed, "layer_decay_groups", groups, "null, unless layer_decay_by is blocks or stages")


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate schedule: a curve whose start is replaced by a linear warm-up, updated each step (timm's
    schedulers)."""

    decay: Literal["cosine", "poly", "steps"] = "cosine"
    """The curve: half a cosine, (1 - t/T)^poly_power, or constant with a drop after each of decay_epochs."""
    epochs: Annotated[int, Range(1, EPOCHS, "epochs")] = 30
    """Length of the curve in epochs, warm-up included."""
    iterations: Annotated[int | None, Range(1, COUNT, "steps")] = None
    """Length of the curve in steps instead of epochs; the last epoch may be partial. None: epochs."""
    warmup_epochs: Annotated[float, Range(0, EPOCHS, "epochs")] = 2.0
    """Length of the warm-up in epochs."""
    warmup_steps: Annotated[int | None, Range(0, COUNT, "steps")] = None
    """Length of the warm-up in steps instead of warmup_epochs. None: warmup_epochs."""
    warmup_lr: Annotated[float, Range(0, RATE)] = 1e-6
    """Learning rate at the start of the warm-up."""
    min_lr: Annotated[float, Range(0, RATE)] = 1e-5
    """Learning rate at the end of the curve; not for decay steps."""
    poly_power: Annotated[float, Range(0, 100, above=True)] = 1.0
    """For decay poly: the exponent."""
    decay_epochs: Annotated[tuple[int, int] | None, Range(1, EPOCHS, "epochs")] = None
    """For decay steps: epochs after which the learning rate is multiplied by decay_factor."""
    decay_factor: Annotated[float, Range(0, 1, above=True)] = 0.1
    """For decay steps: factor on the learning rate."""
    cooldown_epochs: Annotated[int, Range(0, EPOCHS, "epochs")] = 0
    """Epochs at min_lr after the curve."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.warmup_steps is None and self.iterations is None:
            shorter = self.warmup_epochs < self.epochs
            expected = f"0 or more and less than epochs ({self.epochs}); lower it too"
            expect(shorter, "warmup_epochs", self.warmup_epochs, expected)
        whole = self.iterations is None or not self.cooldown_epochs
        expect(whole, "iterations", self.iterations, "at least 1, without cooldown_epochs; or none")
        inside = self.warmup_steps is None or self.iterations is None or self.warmup_steps < self.iterations
        expect(inside, "warmup_steps", self.warmup_steps, "0 or more and less than iterations, or none")
        stepped = self.decay == "steps"
        ordered = self.decay_epochs is None or self.decay_epochs[0] <= self.decay_epochs[1]
        valid = ordered and stepped == (self.decay_epochs is not None)
        expect(valid, "decay_epochs", self.decay_epochs, "two epochs, the smaller first, with decay steps; else none")


@dataclass(frozen=True, slots=True)
class Run:
    """Device, precision, seed, logging and output of the run."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    threads: Annotated[int | None, Range(1, THREADS, "threads")] = None
    """CPU threads of torch; bit-identical losses need the same number. None: torch's default, usually one per core."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Random seed of initial weights, data order, augmentation, mixup and drop path."""
    amp: Literal["none", "bf16", "fp16"] = "none"
    """Automatic mixed precision; fp16 scales the loss."""
    output: str | None = None
    """Run folder, which must be empty or not exist. None: runs/NAME-TIME."""
    log_every: Annotated[int, Range(1, COUNT, "steps")] = 10
    """Steps between progress updates; steps.jsonl logs every step."""
    eval_every: Annotated[int, Range(1, COUNT, "epochs")] = 1
    """Epochs between validations; the last epoch is always validated."""
    save_every: Annotated[int | None, Range(1, COUNT, "steps")] = None
    """Steps between training states, from which an interrupted run resumes; one is always saved after each epoch."""
    keep_every: Annotated[int | None, Range(1, COUNT, "epochs")] = None
    """Epochs between checkpoints kept in addition to the best and the last. None: only those two."""
    compile: bool = False
    """Use torch.compile: startup takes minutes, steps are faster."""
    track: Literal["none", "tensorboard", "wandb"] = "none"
    """Also log metrics to TensorBoard (in the run folder) or Weights & Biases; the JSONL logs are always written."""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True)
class Recipe(Generic[Settings]):
    """A training run. `read_recipe` reads one from YAML; the command line overrides single fields."""

    name: Annotated[str, Longest(200)] = "unnamed"
    """Prefix of the run folder's name."""
    task: str = "classification"
    """The task, e.g. classification or detection. Its own fields are in the section of the same name."""
    network: Network = field(default_factory=Network)
    data: Data = field(default_factory=Data)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    run: Run = field(default_factory=Run)
    settings: Settings = None  # type: ignore[assignment]  # the task's defaults, see __post_init__
    """The task's own fields, in YAML the section named after the task. None: its defaults."""

    def __post_init__(self) -> None:
        check_ranges(self)
        section = task_section(self.task)
        if section.settings is not None and self.settings is None:
            object.__setattr__(self, "settings", section.settings())
        elif not isinstance(self.settings, section.settings or type(None)):
            kind = type(self.settings).__name__
            raise UserError(f"settings are {kind}, not those of task {self.task}: set both, or settings=None.")
        check_unused(self, section.unused)

    def to_dict(self) -> dict[str, Any]:
        """JSON values with the keys of the YAML file; the task's section has the task's name."""
        values = asdict(self)
        settings = values.pop("settings")
        return values if settings is None else {**values, self.task: settings}

    def portable(self, data: str | None) -> dict[str, Any]:
        """`to_dict` without this machine's paths, for files that travel; `data` is the name of the data."""
        start = self.network.initial_checkpoint
        network = replace(self.network, initial_checkpoint=None if start is None else Path(start).resolve().name)
        own_data = replace(self.data, data_dir=data)
        return replace(self, network=network, data=own_data, run=replace(self.run, output=None)).to_dict()
