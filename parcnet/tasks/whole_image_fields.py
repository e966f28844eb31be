"""Recipe fields that only tasks with labels of whole images use; tasks that localise reject them."""

WHOLE_IMAGE_FIELDS = (
    *("augmentation.scale", "augmentation.ratio", "augmentation.color_jitter", "augmentation.auto_augment"),
    *("augmentation.reprob", "augmentation.remode", "augmentation.mixup", "augmentation.cutmix"),
    *("augmentation.mixup_switch_prob", "augmentation.smoothing", "network.head_init_scale"),
    *("data.crop_pct", "data.interpolation", "data.train_interpolation", "data.train_sizes"),
)
