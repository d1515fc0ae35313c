"""The trajectory model: an encoder of BERT's layers over the frames of a window, and two heads.

    h = encoder(LayerNorm(inputs(z) + position))      z: positions on the surface, standardised
    next frame − this frame ∼ next_head(h),   basin entered next ∼ state_head(h)

The layers are those of `transformers`; dropout is left out, as its noise follows no generator of ours.
"""

from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch_geometric.data import Batch
from transformers import BertConfig, DynamicCache
from transformers.models.bert.modeling_bert import BertEncoder

from mdsnake.families.base import Family, Symmetry
from mdsnake.families.trajbert.config import MOST_FRAMES, How, LossWeights, Network, WindowSettings
from mdsnake.families.trajbert.heads import (
    displacement,
    next_frame_loss,
    next_frame_outputs,
    projection,
    state_loss,
)


class TrajbertModel(Family):
    """Predicts the next frame and the basin entered next at each frame of a window.

    Parameters
    ----------
    network : architecture
    about : the dynamics and the windows that the model is for
    weights : of the objective's parts
    """

    symmetry: ClassVar[Symmetry] = "none"
    mean: Tensor
    deviation: Tensor
    step: Tensor

    def __init__(self, network: Network, about: WindowSettings, weights: LossWeights | None = None) -> None:
        super().__init__()
        self.network, self.about, self.weights = network, about, weights or LossWeights()
        width = network.width
        self.inputs = nn.Linear(2, width)
        self.positions = nn.Embedding(MOST_FRAMES, width)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.norm = nn.LayerNorm(width)
        layers = BertConfig(
            hidden_size=width,
            num_hidden_layers=network.layers,
            num_attention_heads=network.attention_heads,
            intermediate_size=network.feed_forward,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        layers._attn_implementation = "sdpa"
        self.encoder = BertEncoder(layers)
        self.next_head = projection(width, next_frame_outputs(network))
        self.state_head = projection(width, 2)
        for name, value in (("mean", 0.0), ("deviation", 1.0), ("step", 1.0)):
            self.register_buffer(name, torch.full((2,), value))

    def standardise(self, x: Float[Tensor, "frames 2"], displacements: Float[Tensor, "pairs 2"]) -> None:
        """Take mean and deviation of positions, and the root mean square of displacements, from the training data."""
        self.mean.copy_(x.mean(0))
        self.deviation.copy_(x.std(0))
        self.step.copy_(displacements.square().mean(0).sqrt())

    @property
    def causal(self) -> bool:
        return self.network.mode == "causal"

    def encode(
        self,
        x: Float[Tensor, "windows frames 2"],
        real: Bool[Tensor, "windows frames"] | None = None,
        cache: DynamicCache | None = None,
        first: int = 0,
    ) -> Float[Tensor, "windows frames width"]:
        """Encodings of the frames; in causal mode each is made from the frames up to its own.

        Parameters
        ----------
        real : False where a short window is filled up
        cache : what earlier calls have computed of the `first` frames of the windows, of which x are the next ones
        """
        place = torch.arange(first, first + x.shape[1], device=x.device)
        h = self.norm(self.inputs((x - self.mean) / self.deviation) + self.positions(place))
        hidden = None
        if self.causal and x.shape[1] > 1:  # what fills up a window comes after it, where none of its frames looks
            hidden = x.new_ones((1, 1, x.shape[1], first + x.shape[1])).tril(first) == 0
        elif not self.causal and real is not None:
            hidden = ~real[:, None, None]
        mask = None if hidden is None else h.new_zeros(hidden.shape).masked_fill(hidden, -torch.inf)
        return self.encoder(h, mask, past_key_values=cache).last_hidden_state

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """For each frame the numbers that tell the next one, and the logits of the two basins."""
        x, real = padded(batch.positions, batch.ptr)
        h = self.encode(x, real)
        h = h.flatten(0, 1) if real is None else h[real]
        return {"next": self.next_head(h), "state": self.state_head(h)}

    def loss(self, batch: Batch, generator: Generator) -> dict[str, Tensor]:
        """Weighted parts and their sum; `last` is the part of the trajectory at the last frames, none of the sum.

        There alone has a bidirectional model not seen what it is to predict.
        """
        told = self(batch)
        target = (batch.next - batch.positions) / self.step
        each = self.weights.trajectory * next_frame_loss(self.network, told["next"], target)
        parts = {
            "trajectory": each.mean(),
            "state": self.weights.state * state_loss(told["state"].to(target), batch.state),
        }
        last = each.detach()[batch.ptr[1:] - 1].mean()
        return {"loss": parts["trajectory"] + parts["state"], **parts, "last": last}

    @torch.no_grad()
    def sample(
        self, context: Batch, generator: Generator, how: How = "deterministic", **options: Any
    ) -> dict[str, Tensor]:
        """`next`: for each frame the one after it, (n, 2); `state`: probabilities of the basins, (n, 2), of which the
        second is the committor."""
        told = self(context)
        return {
            "next": self.ahead(context.positions, told["next"], how, generator),
            "state": told["state"].softmax(-1),
        }

    def ahead(
        self, x: Float[Tensor, "*any 2"], raw: Float[Tensor, "*any numbers"], how: How, generator: Generator
    ) -> Float[Tensor, "*any 2"]:
        """The frames after x, of which the next-frame head says `raw`."""
        return x + self.step * displacement(self.network, raw, how, generator)


def padded(
    values: Float[Tensor, "nodes 2"], ptr: Int[Tensor, " ends"]
) -> tuple[Float[Tensor, "windows frames 2"], Bool[Tensor, "windows frames"] | None]:
    """Windows side by side, short ones filled up with zeros, and where they are not; None where all are as long."""
    lengths = ptr.diff()
    longest = int(lengths.max())
    if longest * len(lengths) == len(values):
        return values.view(len(lengths), longest, 2), None
    filled = pad_sequence(values.split(lengths.tolist()), batch_first=True)
    return filled, torch.arange(longest, device=values.device) < lengths[:, None]
