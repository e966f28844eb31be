"""A classifier head with a layer before the pooling."""

from timm.layers import ClassifierHead
from torch import Tensor, nn

from parcnet.layers.init import init_projection


class PreparedHead(ClassifierHead):
    """A layer on the last map, then timm's pooling, dropout and linear layer.

    prepare     [B, C, H, W] -> [B, features, H, W].
    """

    def __init__(self, prepare: nn.Module, features: int, num_classes: int, global_pool: str, drop_rate: float) -> None:
        super().__init__(features, num_classes, pool_type=global_pool, drop_rate=drop_rate)
        self.prepare = prepare
        if num_classes > 0:
            init_projection(self.fc)

    def reset(
        self,
        num_classes: int,
        pool_type: str | None = None,
        reset_other: bool = False,
        in_features: int | None = None,
    ) -> None:
        """As timm's; `reset_other` removes the layer, so that the classifier has the map's `in_features`."""
        if reset_other:
            self.prepare = nn.Identity()
        bare = isinstance(self.prepare, nn.Identity)
        super().reset(num_classes, pool_type, in_features=in_features if bare else None)

    def forward(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        x = self.drop(self.global_pool(self.prepare(x)))
        return x if pre_logits else self.fc(x)
