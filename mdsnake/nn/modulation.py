"""Layers that a condition, such as the noise level, scales and shifts."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu


class Modulation(nn.Module):
    """LayerNorm with scale and shift, and a gate for what follows, from a condition (Peebles & Xie, ICCV 2023)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.told = nn.Linear(width, 3 * width)
        nn.init.normal_(self.told.weight, std=0.01)
        with torch.no_grad():
            self.told.bias.copy_(torch.cat([torch.zeros(2 * width), torch.ones(width)]))

    def forward(
        self, h: Float[Tensor, "*n width"], told: Float[Tensor, "*#n three_widths"]
    ) -> tuple[Float[Tensor, "*n width"], Float[Tensor, "*#n width"]]:
        """The normalised h, and the gate of the change to h."""
        scale, shift, gate = told.chunk(3, -1)
        return self.norm(h) * (1 + scale) + shift, gate

    def of(self, condition: Float[Tensor, "samples width"]) -> Float[Tensor, "samples three_widths"]:
        """What `forward` takes, once for a sample."""
        return self.told(silu(condition))
