"""What one training run is made of: frozen sections with unique field names, so that every field is one flat flag."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from parcnet.base.errors import UserError
from parcnet.recipes.expecting import expect
from parcnet.recipes.task_sections import check_unused, task_section

Settings = TypeVar("Settings")


@dataclass(frozen=True, slots=True)
class Network:
    """The network and where its weights start."""

    model: str = "parcnetv2_digits"
    """Registered name: `parcnet models` lists ours, any timm name works too."""
    model_args: str = ""
    """More arguments of timm.create_model as YAML, e.g. '{depths: [1, 1, 2, 1], dims: [32, 64, 96, 128]}'."""
    img_size: int | None = None
    """Height and width of the input, pixels. None: the network's own."""
    in_chans: int = 3
    """Colour channels of the input: 3, or 1 for grey."""
    drop_path: float = 0.0
    """Stochastic depth, rate of the last block; it grows linearly from 0 at the first."""
    kernel_fit: Literal["interpolate", "fixed"] | None = None
    """How oversized kernels meet other input sizes. None: the network's own (ours: interpolate)."""
    initial_checkpoint: str | None = None
    """Start from the weights of this checkpoint or run folder; a head for other classes starts anew."""
    head_init_scale: float = 1.0
    """Factor on a fresh classifier's weights and biases; fine-tuning of large networks likes small ones, e.g. 0.001."""
    grad_checkpointing: bool = False
    """Compute each block twice instead of keeping its maps: less memory, about a third more time."""

    def __post_init__(self) -> None:
        expect(self.img_size is None or self.img_size >= 1, "img_size", self.img_size, "pixels, at least 1")
        expect(self.in_chans in (1, 3), "in_chans", self.in_chans, "3 (colour) or 1 (grey)")
        expect(0 <= self.drop_path < 1, "drop_path", self.drop_path, "a rate in [0, 1)")
        expect(0 < self.head_init_scale < float("inf"), "head_init_scale", self.head_init_scale, "a factor above 0")


@dataclass(frozen=True, slots=True)
class Data:
    """The images and how they become batches."""

    data_dir: str | None = None
    """Folder with train/CLASS/ and val/CLASS/, test/CLASS/ if there is one; hfds/DIR for parquet, wds/DIR or wds/URL
    for tar shards (`parcnet data --help`). None: the embedded digits."""
    batch_size: int = 64
    """Images in a step, of all processes together; the last, incomplete batch of an epoch is dropped."""
    micro_batch: int | None = None
    """Most images that pass through the network at once on one device: the batch is split, its gradients accumulated.
    None: a device takes its whole share."""
    workers: int = 2
    """Processes that read and augment images; 0 reads in the main process."""
    max_bad_images: int = 0
    """Unreadable images that are named and replaced before training stops; of each process, in each epoch."""
    crop_pct: float = 0.875
    """Evaluation: share of the resized image that the centre crop keeps."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"] = "bicubic"
    """Resizing in evaluation."""
    train_interpolation: Literal["random", "nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"] = "random"
    """Resizing in training; random draws bilinear or bicubic for each image."""
    train_sizes: tuple[int, int] | None = None
    """Multi-scale training: smallest and largest side in px. Each step draws one of the multiples of 32 between them;
    evaluation keeps img_size. None: every step has img_size."""
    repeats: int = 1
    """Times that an epoch shows each image, otherwise augmented each time: for few images. Not of tar shards."""

    def __post_init__(self) -> None:
        expect(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")
        expect(self.workers >= 0, "workers", self.workers, "0 or more processes")
        expect(self.max_bad_images >= 0, "max_bad_images", self.max_bad_images, "0 or more")
        expect(self.repeats >= 1, "repeats", self.repeats, "at least 1")
        expect(0 < self.crop_pct <= 1, "crop_pct", self.crop_pct, "a share in (0, 1]")
        whole = self.micro_batch is None or self.micro_batch >= 1
        expect(whole, "micro_batch", self.micro_batch, "at least 1, or none")
        sizes = self.train_sizes
        steps = sizes is None or (0 < sizes[0] <= sizes[1] and not sizes[0] % 32 and not sizes[1] % 32)
        expect(steps, "train_sizes", sizes, "two multiples of 32, the smaller first, or none")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What happens to training images and labels; the spelling and the meaning are timm's."""

    scale: tuple[float, float] = (0.08, 1.0)
    """Random resized crop: smallest and largest share of the area."""
    ratio: tuple[float, float] = (0.75, 1.3333333333333333)
    """Random resized crop: smallest and largest aspect ratio, width / height."""
    hflip: float = 0.5
    """Probability of a horizontal flip; 0 for anything that may not be mirrored, such as digits."""
    color_jitter: float = 0.4
    """Strength of brightness, contrast and saturation changes. timm leaves them out under auto_augment."""
    auto_augment: str | None = None
    """timm's description of RandAugment and its kin, e.g. rand-m9-mstd0.5-inc1. None: off."""
    reprob: float = 0.0
    """Probability of random erasing."""
    remode: Literal["const", "rand", "pixel"] = "pixel"
    """What is erased becomes black, one random colour, or noise."""
    mixup: float = 0.0
    """Alpha of mixup's Beta distribution; 0 is off."""
    cutmix: float = 0.0
    """Alpha of cutmix's Beta distribution; 0 is off."""
    mixup_switch_prob: float = 0.5
    """Probability of cutmix rather than mixup for a batch when both are on."""
    smoothing: float = 0.1
    """Label smoothing: share of the target spread over all classes."""

    def __post_init__(self) -> None:
        ordered = 0 < self.scale[0] <= self.scale[1] <= 1
        expect(ordered, "scale", self.scale, "two shares in (0, 1], the smaller first")
        expect(0 < self.ratio[0] <= self.ratio[1], "ratio", self.ratio, "two aspect ratios above 0, the smaller first")
        for name in ("hflip", "reprob", "mixup_switch_prob"):
            value = getattr(self, name)
            expect(0 <= value <= 1, name, value, "a probability in [0, 1]")
        for name in ("color_jitter", "mixup", "cutmix"):
            value = getattr(self, name)
            expect(0 <= value < float("inf"), name, value, "0 (off) or more")
        expect(0 <= self.smoothing < 1, "smoothing", self.smoothing, "a share in [0, 1)")


@dataclass(frozen=True, slots=True)
class Optimizer:
    """How gradients become steps. 1-D parameters and biases are never decayed."""

    opt: str = "adamw"
    """timm's name of the optimiser."""
    lr: float = 1e-3
    """Peak learning rate, for the batch size of this recipe: nothing scales it silently."""
    weight_decay: float = 0.05
    """Decay of every parameter of two or more dimensions."""
    clip_grad: float | None = None
    """Largest norm of the whole gradient; a longer one is shortened to it. None: off."""
    layer_decay: float | None = None
    """Factor of the learning rate from each group of layers to the one before it. None: off."""
    layer_decay_by: Literal["network", "blocks", "stages"] = "network"
    """What a group of layers is: what the network says (timm's group_matcher); three blocks in a row; or a stage."""
    layer_decay_groups: int | None = None
    """The head is decayed never, the stem this many times and once more. None: as many as there are groups. Only with
    layer_decay_by blocks or stages."""
    ema_decay: float | None = None
    """Share of the weights' running average that a step keeps. Then the average is validated and saved. None: off."""
    max_skipped_steps: int = 3
    """Steps in a row that are left out because loss or gradient is not finite, before training stops and says why."""

    def __post_init__(self) -> None:
        expect(0 < self.lr < float("inf"), "lr", self.lr, "a learning rate above 0")
        expect(0 <= self.weight_decay < float("inf"), "weight_decay", self.weight_decay, "0 or more")
        positive = self.clip_grad is None or self.clip_grad > 0
        expect(positive, "clip_grad", self.clip_grad, "a norm above 0, or none")
        share = self.layer_decay is None or 0 < self.layer_decay <= 1
        expect(share, "layer_decay", self.layer_decay, "a factor in (0, 1], or none")
        groups = self.layer_decay_groups
        counted = groups is None or (groups >= 1 and self.layer_decay_by != "network")
        expect(counted, "layer_decay_groups", groups, "at least 1, with layer_decay_by blocks or stages; or none")
        expect(self.max_skipped_steps >= 0, "max_skipped_steps", self.max_skipped_steps, "0 or more")
        average = self.ema_decay is None or 0 < self.ema_decay < 1
        expect(average, "ema_decay", self.ema_decay, "a share in (0, 1), or none")


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate over time: linear warm-up inside a curve, one value per step (timm's schedulers)."""

    decay: Literal["cosine", "poly", "steps"] = "cosine"
    """The curve: half a cosine, (1 - t/T)^poly_power, or constant but for a fall after each of decay_epochs."""
    epochs: int = 30
    """Length of the curve, warm-up included, in passes over the training images."""
    iterations: int | None = None
    """Length in steps, instead of epochs: the last pass over the images is cut short. None: epochs."""
    warmup_epochs: float = 2.0
    """Epochs from warmup_lr up to the curve."""
    warmup_steps: int | None = None
    """Steps from warmup_lr up to the curve, instead of warmup_epochs. None: warmup_epochs."""
    warmup_lr: float = 1e-6
    """Learning rate of the first step when there is a warm-up."""
    min_lr: float = 1e-5
    """Learning rate at the curve's end; not of decay steps."""
    poly_power: float = 1.0
    """Exponent of decay poly."""
    decay_epochs: tuple[int, int] | None = None
    """Of decay steps: epochs after which the learning rate is multiplied by decay_factor."""
    decay_factor: float = 0.1
    """Of decay steps."""
    cooldown_epochs: int = 0
    """Epochs at min_lr after the curve."""

    def __post_init__(self) -> None:
        expect(self.epochs >= 1, "epochs", self.epochs, "at least 1")
        if self.warmup_steps is None and self.iterations is None:
            short = 0 <= self.warmup_epochs < self.epochs
            least = f"0 or more and less than epochs ({self.epochs}); lower it too"
            expect(short, "warmup_epochs", self.warmup_epochs, least)
        expect(0 <= self.warmup_epochs < float("inf"), "warmup_epochs", self.warmup_epochs, "0 or more")
        whole = self.iterations is None or (self.iterations >= 1 and not self.cooldown_epochs)
        expect(whole, "iterations", self.iterations, "at least 1, without cooldown_epochs; or none")
        inside = self.warmup_steps is None or 0 <= self.warmup_steps < (self.iterations or float("inf"))
        expect(inside, "warmup_steps", self.warmup_steps, "0 or more and less than iterations, or none")
        expect(0 < self.poly_power < float("inf"), "poly_power", self.poly_power, "a power above 0")
        stepped = self.decay == "steps"
        falls = self.decay_epochs is None or 0 < self.decay_epochs[0] <= self.decay_epochs[1]
        given = falls and stepped == (self.decay_epochs is not None)
        expect(given, "decay_epochs", self.decay_epochs, "two epochs, the smaller first, with decay steps; else none")
        expect(0 < self.decay_factor <= 1, "decay_factor", self.decay_factor, "a factor in (0, 1]")
        expect(0 <= self.warmup_lr < float("inf"), "warmup_lr", self.warmup_lr, "0 or more")
        expect(0 <= self.min_lr < float("inf"), "min_lr", self.min_lr, "0 or more")
        expect(self.cooldown_epochs >= 0, "cooldown_epochs", self.cooldown_epochs, "0 or more")


@dataclass(frozen=True, slots=True)
class Run:
    """Where and how it is computed, and where the results go."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    threads: int | None = None
    """CPU threads that compute; bit-equal losses need equally many. None: torch's choice, as a rule one a core."""
    seed: int = 0
    """Fixes initial weights, order, augmentation, mixup and drop path."""
    amp: Literal["none", "bf16", "fp16"] = "none"
    """Automatic mixed precision; fp16 scales the loss."""
    output: str | None = None
    """Run folder; it must be empty or absent. None: runs/NAME-TIME."""
    log_every: int = 10
    """Steps between lines of progress; every step's figures are in steps.jsonl."""
    eval_every: int = 1
    """Epochs between looks at validation; the last epoch is always looked at."""
    save_every: int | None = None
    """Steps between training states, from which a killed run goes on; one is saved after every epoch in any case."""
    keep_every: int | None = None
    """Epochs between checkpoints that are kept, besides the best and the last. None: those two."""
    compile: bool = False
    """Compile the network with torch.compile: minutes at the start, faster steps."""
    track: Literal["none", "tensorboard", "wandb"] = "none"
    """Send the figures to TensorBoard (in the run folder) or Weights & Biases; the JSONL logs are written anyway."""

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
    """A whole training run. `read_recipe` makes one from YAML; the command line overrides single fields."""

    name: str = "unnamed"
    """First part of the run folder's name."""
    task: str = "classification"
    """What is learned: a folder of parcnet/tasks. Its own fields are in the section of the same name."""
    network: Network = field(default_factory=Network)
    data: Data = field(default_factory=Data)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    run: Run = field(default_factory=Run)
    settings: Settings = None  # type: ignore[assignment]  # the task's defaults, see __post_init__
    """The task's own fields; in YAML the section has the task's name. None: its defaults."""

    def __post_init__(self) -> None:
        section = task_section(self.task)
        if section.settings is not None and self.settings is None:
            object.__setattr__(self, "settings", section.settings())
        elif not isinstance(self.settings, section.settings or type(None)):
            given = type(self.settings).__name__
            raise UserError(f"settings are {given}, which is not of task {self.task}: set both, or settings=None.")
        check_unused(self, section.unused)

    def to_dict(self) -> dict[str, Any]:
        """JSON values with the keys of the YAML file: the section of the task has its name."""
        values = asdict(self)
        settings = values.pop("settings")
        return values if settings is None else {**values, self.task: settings}

    def portable(self, data: str | None) -> dict[str, Any]:
        """`to_dict` without this machine's paths, for files that travel; `data` is the name of the data."""
        start = self.network.initial_checkpoint
        network = replace(self.network, initial_checkpoint=None if start is None else Path(start).resolve().name)
        own_data = replace(self.data, data_dir=data)
        return replace(self, network=network, data=own_data, run=replace(self.run, output=None)).to_dict()
