"""Random rotations."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor


def random_rotations(n: int, generator: Generator | None = None) -> Float[Tensor, "{n} 3 3"]:
    """n proper rotations, uniform on SO(3), from unit quaternions (Shoemake, Graphics Gems III, 1992)."""
    q = torch.nn.functional.normalize(torch.randn(n, 4, generator=generator), dim=-1)
    w, x, y, z = q.unbind(-1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
            2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
            2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
        ],
        dim=-1,
    ).view(n, 3, 3)  # fmt: skip
