"""Trajectories from a model, by a window that slides over what it has generated.

The next frames of all frames of the window are predicted, the last one is added, the first frame of the window
dropped.  Every frame then stands at another position of the table of positions, so nothing that was computed holds any
longer.  Where `slide` frames are added before as many are dropped, all of a causal model's keys and values hold until
then, and are kept.
"""

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from transformers import DynamicCache

from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import How
from mdsnake.families.trajbert.model import TrajbertModel


@torch.inference_mode()
def generate(
    model: TrajbertModel,
    prompt: Float[Tensor, "walkers length 2"],
    frames: int,
    how: How,
    generator: Generator,
    slide: int = 1,
) -> Float[Tensor, "walkers frames 2"]:
    """The `frames` that follow `prompt`.

    In pieces of multiples of `slide`, each of which begins with the last `length` frames and the generator of the one
    before, they are the same as at once.

    Raises
    ------
    UserError
        The window would grow longer than any that the model was trained on, or the model has no density to draw from.
    """
    length, most = prompt.shape[1], model.about.window.length
    if length + slide - 1 > most:
        window = f"prompt + slide - 1 is {length + slide - 1}"
        raise UserError(f"rollout: {window}, the model has seen windows of {most} frames; lower it")
    if how not in model.network.hows:
        raise UserError(f"rollout: the head {model.network.head!r} has no density to draw from; take `deterministic`")
    x = torch.cat([prompt, prompt.new_empty((len(prompt), frames, 2))], dim=1)
    begin, cache, kept = 0, None, model.causal and slide > 1
    for end in range(length, length + frames):
        if end - begin == length + slide:
            begin, cache = begin + slide, None
        known = 0 if cache is None else end - 1 - begin
        if kept and cache is None:
            cache = DynamicCache()
        last = model.encode(x[:, begin + known : end], cache=cache, first=known)[:, -1]
        x[:, end] = model.ahead(x[:, end - 1], model.next_head(last), how, generator)
    return x[:, length:]
