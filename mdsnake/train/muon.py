"""Muon: steps of matrices are orthogonalised, so that all directions of a layer learn at one pace.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), with the step length of Liu et al.,
arXiv 2502.16982, eq. 4, by which one learning rate serves matrices and all else, which AdamW has.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.775, 2.0315)  # brings singular values between 0.7 and 1.2 in five rounds
ROUNDS = 5
MOMENTUM = 0.95


class Muon(torch.optim.AdamW):
    """Muon for the weights of linear layers of `model`, AdamW for its other parameters; frozen ones are left out."""

    def __init__(self, model: nn.Module, lr: float, weight_decay: float) -> None:
        linear = {id(module.weight) for module in model.modules() if isinstance(module, nn.Linear)}
        trained = [p for p in model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if (id(p) in linear) == matrices], "matrices": matrices}
            for matrices in (True, False)
        ]
        super().__init__(groups, lr=lr, weight_decay=weight_decay)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["matrices"]:
                self._step_matrices(group)
        super().step()
        return loss

    @torch.no_grad()
    def _step_matrices(self, group: dict[str, Any]) -> None:
        """Takes the gradients away, so that AdamW passes these parameters by."""
        by_shape = defaultdict(list)
        for p in group["params"]:
            if p.grad is not None:
                by_shape[p.shape].append(p)
        for (rows, columns), parameters in by_shape.items():
            steps = orthogonalised(torch.stack([self._direction(p) for p in parameters]))
            for p, step in zip(parameters, steps, strict=True):
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(step, alpha=-0.2 * max(rows, columns) ** 0.5 * group["lr"])
                p.grad = None

    def _direction(self, p: Tensor) -> Tensor:
        """The gradient with Nesterov's momentum, kept under AdamW's names so that checkpoints read it."""
        state = self.state[p]
        if not state:
            state |= {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(p)}
        assert p.grad is not None
        state["step"] += 1
        state["exp_avg"].lerp_(p.grad, 1 - MOMENTUM)
        return p.grad.lerp(state["exp_avg"], MOMENTUM)


def orthogonalised(matrices: Tensor) -> Tensor:
    """(n, rows, columns) → nearly U Vᵀ of each matrix U S Vᵀ, by Newton and Schulz' iteration."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
