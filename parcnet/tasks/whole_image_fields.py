"""Fields of a recipe for tasks that label whole images: a task that localises refuses them."""

WHOLE_IMAGE_FIELDS = (
    *("augmentation.scale", "augmentation.ratio", "augmentation.color_jitter", "augmentation.auto_augment"),
    *("augmentation.reprob", "augmentation.remode", "augmentation.mixup", "augmentation.cutmix"),
    *("augmentation.mixup_switch_prob", "augmentation.smoothing", "network.head_init_scale"),
    *("data.crop_pct", "data.interpolation", "data.train_interpolation", "data.train_sizes"),
)
