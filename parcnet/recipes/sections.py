"""The sections of a recipe: frozen dataclasses with unique field names, so that every field is one flat flag."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from parcnet.base.errors import UserError
from parcnet.recipes.expecting import expect
from parcnet.recipes.task_sections import check_unused, task_section

Settings = TypeVar("Settings")


@dataclass(frozen=True, slots=True)
class Network:
    """The network and its initial weights."""

    model: str = "parcnetv2_digits"
    """Registered name; `parcnet models` lists ours, and any timm model works too."""
    model_args: str = ""
    """Further arguments of timm.create_model as YAML, e.g. '{depths: [1, 1, 2, 1], dims: [32, 64, 96, 128]}'."""
    img_size: int | None = None
    """Height and width of the input in pixels. None: the network's default."""
    in_chans: int = 3
    """Colour channels of the input: 3, or 1 for grey."""
    drop_path: float = 0.0
    """Stochastic depth rate of the last block; rates grow linearly from 0 at the first block."""
    kernel_fit: Literal["interpolate", "fixed"] | None = None
    """How oversized kernels adapt to other input sizes. None: the network's default (ours: interpolate)."""
    initial_checkpoint: str | None = None
    """Load the initial weights from this checkpoint or run folder; a head for other classes is initialised randomly."""
    head_init_scale: float = 1.0
    """Factor on the weights and biases of a newly initialised head; small values, e.g. 0.001, help fine-tuning of large
    networks."""
    grad_checkpointing: bool = False
    """Recompute each block's activations in the backward pass: less memory, about a third more time."""

    def __post_init__(self) -> None:
        expect(self.img_size is None or self.img_size >= 1, "img_size", self.img_size, "pixels, at least 1")
        expect(self.in_chans in (1, 3), "in_chans", self.in_chans, "3 (colour) or 1 (grey)")
        expect(0 <= self.drop_path < 1, "drop_path", self.drop_path, "a rate in [0, 1)")
        expect(0 < self.head_init_scale < float("inf"), "head_init_scale", self.head_init_scale, "a factor above 0")


@dataclass(frozen=True, slots=True)
class Data:
    """The images and how they are batched."""

    data_dir: str | None = None
    """Folder with train/CLASS/ and val/CLASS/, test/CLASS/ if there is one; hfds/DIR for parquet, wds/DIR or wds/URL
    for tar shards (`parcnet data --help`). None: the embedded digits."""
    batch_size: int = 64
    """Images per step over all processes; the last, incomplete batch of an epoch is dropped."""
    micro_batch: int | None = None
    """Largest number of images in one forward pass on each device; a larger batch is split and its gradients
    accumulated. None: each device takes its share of the batch in one pass."""
    workers: int = 2
    """Worker processes that read and augment images; 0: the main process does."""
    max_bad_images: int = 0
    """Unreadable images tolerated, per process and epoch: each is reported and replaced by another. One more stops
    training."""
    crop_pct: float = 0.875
    """Evaluation: fraction of the resized image that the centre crop keeps."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"] = "bicubic"
    """Evaluation: interpolation of resizing."""
    train_interpolation: Literal["random", "nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"] = "random"
    """Training: interpolation of resizing; random draws bilinear or bicubic for each image."""
    train_sizes: tuple[int, int] | None = None
    """Multi-scale training: smallest and largest side in px. Each step draws a multiple of 32 in this range; evaluation
    uses img_size. None: every step uses img_size."""
    repeats: int = 1
    """How many times an epoch uses each image, augmented anew each time; for small data sets, not for tar shards."""

    def __post_init__(self) -> None:
        expect(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")
        expect(self.workers >= 0, "workers", self.workers, "0 or more processes")
        expect(self.max_bad_images >= 0, "max_bad_images", self.max_bad_images, "0 or more")
        expect(self.repeats >= 1, "repeats", self.repeats, "at least 1")
        expect(0 < self.crop_pct <= 1, "crop_pct", self.crop_pct, "a fraction in (0, 1]")
        whole = self.micro_batch is None or self.micro_batch >= 1
        expect(whole, "micro_batch", self.micro_batch, "at least 1, or none")
        sizes = self.train_sizes
        steps = sizes is None or (0 < sizes[0] <= sizes[1] and not sizes[0] % 32 and not sizes[1] % 32)
        expect(steps, "train_sizes", sizes, "two multiples of 32, the smaller first, or none")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Augmentation of training images and labels; names and meaning are timm's."""

    scale: tuple[float, float] = (0.08, 1.0)
    """Random resized crop: smallest and largest fraction of the area."""
    ratio: tuple[float, float] = (0.75, 1.3333333333333333)
    """Random resized crop: smallest and largest aspect ratio, width / height."""
    hflip: float = 0.5
    """Probability of a horizontal flip; 0 where mirroring changes the class, as for digits."""
    color_jitter: float = 0.4
    """Strength of brightness, contrast and saturation jitter; timm disables it under auto_augment."""
    auto_augment: str | None = None
    """timm's specification of an AutoAugment policy, e.g. rand-m9-mstd0.5-inc1 for RandAugment. None: off."""
    reprob: float = 0.0
    """Probability of random erasing."""
    remode: Literal["const", "rand", "pixel"] = "pixel"
    """Random erasing fills with black (const), one random colour (rand) or per-pixel noise (pixel)."""
    mixup: float = 0.0
    """Alpha of mixup's Beta distribution; 0: off."""
    cutmix: float = 0.0
    """Alpha of cutmix's Beta distribution; 0: off."""
    mixup_switch_prob: float = 0.5
    """Probability that a batch uses cutmix rather than mixup when both are on."""
    smoothing: float = 0.1
    """Label smoothing: probability mass spread over all classes."""

    def __post_init__(self) -> None:
        ordered = 0 < self.scale[0] <= self.scale[1] <= 1
        expect(ordered, "scale", self.scale, "two fractions in (0, 1], the smaller first")
        expect(0 < self.ratio[0] <= self.ratio[1], "ratio", self.ratio, "two aspect ratios above 0, the smaller first")
        for name in ("hflip", "reprob", "mixup_switch_prob"):
            value = getattr(self, name)
            expect(0 <= value <= 1, name, value, "a probability in [0, 1]")
        for name in ("color_jitter", "mixup", "cutmix"):
            value = getattr(self, name)
            expect(0 <= value < float("inf"), name, value, "0 (off) or more")
        expect(0 <= self.smoothing < 1, "smoothing", self.smoothing, "a fraction in [0, 1)")


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The optimiser. Biases and other 1-D parameters have no weight decay."""

    opt: str = "adamw"
    """Name of a timm optimiser."""
    lr: float = 1e-3
    """Peak learning rate at this recipe's batch size; it is not rescaled for other batch sizes."""
    weight_decay: float = 0.05
    """Weight decay of parameters with two or more dimensions."""
    clip_grad: float | None = None
    """Gradient clipping: largest norm of the whole gradient. None: off."""
    layer_decay: float | None = None
    """Layer-wise learning rate decay: factor from each group of layers to the one before it. None: off."""
    layer_decay_by: Literal["network", "blocks", "stages"] = "network"
    """What forms a group of layers: the network's group_matcher (as in timm), three consecutive blocks, or a stage."""
    layer_decay_groups: int | None = None
    """n in the stem's factor layer_decay^(n + 1); the head's is 1. None: the number of groups. Only with layer_decay_by
    blocks or stages."""
    ema_decay: float | None = None
    """Decay of the weights' exponential moving average, which is then validated and saved. None: off."""
    max_skipped_steps: int = 3
    """Consecutive steps that may be skipped because loss or gradient is not finite; one more stops training."""

    def __post_init__(self) -> None:
        expect(0 < self.lr < float("inf"), "lr", self.lr, "a learning rate above 0")
        expect(0 <= self.weight_decay < float("inf"), "weight_decay", self.weight_decay, "0 or more")
        positive = self.clip_grad is None or self.clip_grad > 0
        expect(positive, "clip_grad", self.clip_grad, "a norm above 0, or none")
        factor = self.layer_decay is None or 0 < self.layer_decay <= 1
        expect(factor, "layer_decay", self.layer_decay, "a factor in (0, 1], or none")
        groups = self.layer_decay_groups
        allowed = groups is None or (groups >= 1 and self.layer_decay_by != "network")
        expect(allowed, "layer_decay_groups", groups, "at least 1, with layer_decay_by blocks or stages; or none")
        expect(self.max_skipped_steps >= 0, "max_skipped_steps", self.max_skipped_steps, "0 or more")
        average = self.ema_decay is None or 0 < self.ema_decay < 1
        expect(average, "ema_decay", self.ema_decay, "a decay in (0, 1), or none")


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate schedule: a curve whose start is replaced by a linear warm-up, updated each step (timm's
    schedulers)."""

    decay: Literal["cosine", "poly", "steps"] = "cosine"
    """The curve: half a cosine, (1 - t/T)^poly_power, or constant with a drop after each of decay_epochs."""
    epochs: int = 30
    """Length of the curve in epochs, warm-up included."""
    iterations: int | None = None
    """Length of the curve in steps instead of epochs; the last epoch may be partial. None: epochs."""
    warmup_epochs: float = 2.0
    """Length of the warm-up in epochs."""
    warmup_steps: int | None = None
    """Length of the warm-up in steps instead of warmup_epochs. None: warmup_epochs."""
    warmup_lr: float = 1e-6
    """Learning rate at the start of the warm-up."""
    min_lr: float = 1e-5
    """Learning rate at the end of the curve; not for decay steps."""
    poly_power: float = 1.0
    """For decay poly: the exponent."""
    decay_epochs: tuple[int, int] | None = None
    """For decay steps: epochs after which the learning rate is multiplied by decay_factor."""
    decay_factor: float = 0.1
    """For decay steps: factor on the learning rate."""
    cooldown_epochs: int = 0
    """Epochs at min_lr after the curve."""

    def __post_init__(self) -> None:
        expect(self.epochs >= 1, "epochs", self.epochs, "at least 1")
        if self.warmup_steps is None and self.iterations is None:
            shorter = 0 <= self.warmup_epochs < self.epochs
            expected = f"0 or more and less than epochs ({self.epochs}); lower it too"
            expect(shorter, "warmup_epochs", self.warmup_epochs, expected)
        expect(0 <= self.warmup_epochs < float("inf"), "warmup_epochs", self.warmup_epochs, "0 or more")
        whole = self.iterations is None or (self.iterations >= 1 and not self.cooldown_epochs)
        expect(whole, "iterations", self.iterations, "at least 1, without cooldown_epochs; or none")
        inside = self.warmup_steps is None or 0 <= self.warmup_steps < (self.iterations or float("inf"))
        expect(inside, "warmup_steps", self.warmup_steps, "0 or more and less than iterations, or none")
        expect(0 < self.poly_power < float("inf"), "poly_power", self.poly_power, "a power above 0")
        stepped = self.decay == "steps"
        ordered = self.decay_epochs is None or 0 < self.decay_epochs[0] <= self.decay_epochs[1]
        valid = ordered and stepped == (self.decay_epochs is not None)
        expect(valid, "decay_epochs", self.decay_epochs, "two epochs, the smaller first, with decay steps; else none")
        expect(0 < self.decay_factor <= 1, "decay_factor", self.decay_factor, "a factor in (0, 1]")
        expect(0 <= self.warmup_lr < float("inf"), "warmup_lr", self.warmup_lr, "0 or more")
        expect(0 <= self.min_lr < float("inf"), "min_lr", self.min_lr, "0 or more")
        expect(self.cooldown_epochs >= 0, "cooldown_epochs", self.cooldown_epochs, "0 or more")


@dataclass(frozen=True, slots=True)
class Run:
    """Device, precision, seed, logging and output of the run."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    threads: int | None = None
    """CPU threads of torch; bit-identical losses need the same number. None: torch's default, usually one per core."""
    seed: int = 0
    """Random seed of initial weights, data order, augmentation, mixup and drop path."""
    amp: Literal["none", "bf16", "fp16"] = "none"
    """Automatic mixed precision; fp16 scales the loss."""
    output: str | None = None
    """Run folder, which must be empty or not exist. None: runs/NAME-TIME."""
    log_every: int = 10
    """Steps between progress updates; steps.jsonl logs every step."""
    eval_every: int = 1
    """Epochs between validations; the last epoch is always validated."""
    save_every: int | None = None
    """Steps between training states, from which an interrupted run resumes; one is always saved after each epoch."""
    keep_every: int | None = None
    """Epochs between checkpoints kept in addition to the best and the last. None: only those two."""
    compile: bool = False
    """Use torch.compile: startup takes minutes, steps are faster."""
    track: Literal["none", "tensorboard", "wandb"] = "none"
    """Also log metrics to TensorBoard (in the run folder) or Weights & Biases; the JSONL logs are always written."""

    def __post_init__(self) -> None:
        expect(self.threads is None or self.threads >= 1, "threads", self.threads, "at least 1, or none")
        expect(0 <= self.seed < 2**63, "seed", self.seed, "a whole number from 0 to 2^63 - 1")
        expect(self.log_every >= 1, "log_every", self.log_every, "at least 1")
        expect(self.eval_every >= 1, "eval_every", self.eval_every, "at least 1")
        for name in ("save_every", "keep_every"):
            value = getattr(self, name)
            expect(value is None or value >= 1, name, value, "at least 1, or none")


@dataclass(frozen=True, slots=True)
class Recipe(Generic[Settings]):
    """A training run. `read_recipe` reads one from YAML; the command line overrides single fields."""

    name: str = "unnamed"
    """Prefix of the run folder's name."""
    task: str = "classification"
    """The task, a folder of parcnet/tasks. Its own fields are in the section of the same name."""
    network: Network = field(default_factory=Network)
    data: Data = field(default_factory=Data)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    run: Run = field(default_factory=Run)
    settings: Settings = None  # type: ignore[assignment]  # the task's defaults, see __post_init__
    """The task's own fields, in YAML the section named after the task. None: its defaults."""

    def __post_init__(self) -> None:
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
