"""Where a model looks: the attention of each head."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertSelfAttention

from mdsnake.families.trajbert.model import TrajbertModel


@torch.no_grad()
def attention(
    model: TrajbertModel, x: Float[Tensor, "windows frames 2"]
) -> Float[Tensor, "layers windows heads frames frames"]:
    """Weight that each frame (fourth axis) gives to each other one (last axis); every row adds up to 1."""
    maps: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, outputs: tuple[Tensor, Tensor]) -> None:
        maps.append(outputs[1])

    config = model.encoder.config
    fast, config._attn_implementation = config._attn_implementation, "eager"  # the fast ones do not tell weights
    hooks = [module.register_forward_hook(keep) for module in model.modules() if isinstance(module, BertSelfAttention)]
    try:
        model.encode(x)
    finally:
        config._attn_implementation = fast
        for hook in hooks:
            hook.remove()
    return torch.stack(maps)
