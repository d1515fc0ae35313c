"""Rotations as a group, and its heat kernel: the isotropic Gaussian IGSO(3) that Brownian motion makes of a point.

Rotation vectors are axis times angle in radians.  The density of the angle ω with respect to the Haar measure is

    f(ω) = Σ_l (2l + 1) exp(−l(l + 1) σ²/2) sin((l + ½)ω) / sin(ω/2)                                            (1)

(Nikolayev & Savyolov, Textures Microstruct. 29, 201 (1997); Leach et al., ICLR 2022 workshop).  Poisson's summation
turns it into a sum over the turns k that lead to the same rotation,

    f(ω) = √(2π) e^{σ²/8} / (σ³ sin(ω/2)) Σ_k (−1)^k a_k exp(−a_k²/2σ²),   a_k = ω + 2πk,                         (2)

of which few terms count and none is lost to rounding in the tail of a narrow one, as those of (1) are.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

#: Turns k of (2): enough for σ up to WIDEST, where the next term is about 1e-13.
TURNS = 6
WIDEST = 5.0
#: Angles of the table that is inverted to draw one.
GRID = 2048


def hat(vector: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """The matrix of the cross product with `vector`."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))


def exp(vector: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """The rotation about `vector` by its length (Rodrigues)."""
    angle = torch.linalg.vector_norm(vector, dim=-1)[..., None, None]
    cross = hat(vector)
    first, second = torch.sinc(angle / math.pi), 0.5 * torch.sinc(angle / (2 * math.pi)).square()
    return torch.eye(3, dtype=vector.dtype, device=vector.device) + first * cross + second * cross @ cross


def log(rotation: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n 3"]:
    """The rotation vector, its length from 0 to π; by the largest part of the quaternion, so exact near both ends."""
    r = rotation.flatten(-2)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = r.unbind(-1)
    # Rows are the quaternion (w, x, y, z) times 4w, 4x, 4y and 4z.
    rows = torch.stack(
        [
            1 + xx + yy + zz, zy - yz, xz - zx, yx - xy,
            zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx,
            xz - zx, xy + yx, 1 - xx + yy - zz, yz + zy,
            yx - xy, xz + zx, yz + zy, 1 - xx - yy + zz,
        ],
        dim=-1,
    ).unflatten(-1, (4, 4))  # fmt: skip
    largest = rows.diagonal(dim1=-2, dim2=-1).argmax(-1)
    q = torch.nn.functional.normalize(rows.gather(-2, largest[..., None, None].expand(*largest.shape, 1, 4)), dim=-1)
    q = q[..., 0, :]
    q = torch.where(q[..., :1] < 0, -q, q)
    sine = torch.linalg.vector_norm(q[..., 1:], dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, q[..., :1])
    return q[..., 1:] * torch.where(sine > 0, angle / sine.clamp(min=torch.finfo(q.dtype).tiny), 2.0)


def _turns(angle: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """a_k of (2) and (−1)^k exp(−(a_k² − ω²)/2σ²), both (…, 2 TURNS + 1)."""
    k = torch.arange(-TURNS, TURNS + 1, dtype=angle.dtype, device=angle.device)
    a = angle[..., None] + 2 * math.pi * k
    sign = 1 - 2 * (k % 2).abs()
    return a, sign * torch.exp((angle[..., None].square() - a.square()) / (2 * sigma[..., None].square()))


def log_density(angle: Float[Tensor, "*n"], sigma: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """log f of (2), of angles from 0 to π; f is 1 where all rotations are as likely.  In double precision."""
    angle, sigma = angle.double().clamp(min=1e-6), sigma.double().clamp(max=WIDEST)
    a, weight = _turns(angle, sigma)
    constant = 0.5 * math.log(2 * math.pi) + sigma.square() / 8 - 3 * sigma.log()
    return constant - angle.square() / (2 * sigma.square()) - torch.sin(angle / 2).log() + (a * weight).sum(-1).log()


def score(angle: Float[Tensor, "*n"], sigma: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """d log f / dω per radian, in double precision."""
    angle, sigma = angle.double().clamp(min=1e-6), sigma.double().clamp(max=WIDEST)
    a, weight = _turns(angle, sigma)
    change = ((1 - (a / sigma[..., None]).square()) * weight).sum(-1) / (a * weight).sum(-1)
    return change - 0.5 / torch.tan(angle / 2)


def angle_quantile(share: Float[Tensor, "*n"], sigma: Float[Tensor, ""]) -> Float[Tensor, "*n"]:
    """The angle below which this share of the angles of IGSO(3) lies: the density with its Haar factor, inverted."""
    grid = torch.linspace(0, min(math.pi, 12 * float(sigma)), GRID, dtype=torch.float64)
    density = log_density(grid, sigma.double().cpu().expand(GRID)).exp() * (1 - torch.cos(grid)) / math.pi
    below = torch.cumulative_trapezoid(density, grid)
    below = torch.cat([below.new_zeros(1), below / below[-1]])
    right = torch.searchsorted(below, share.double().cpu()).clamp(1, GRID - 1)
    low, high = below[right - 1], below[right]
    part = (share.cpu() - low) / (high - low).clamp(min=torch.finfo(torch.float64).tiny)
    return (grid[right - 1] + part * (grid[right] - grid[right - 1])).to(share.device)


def of_normal(noise: Float[Tensor, "n 3"], sigma: Float[Tensor, " n"]) -> Float[Tensor, "n 3"]:
    """Rotation vectors of IGSO(3) from standard normal ones: their axis, and the angle of the same quantile.

    A narrow kernel is a Gaussian, so then this is `noise` times σ.
    """
    length = torch.linalg.vector_norm(noise.double(), dim=-1)
    share = torch.erf(length / math.sqrt(2)) - math.sqrt(2 / math.pi) * length * torch.exp(-0.5 * length.square())
    angle = torch.zeros_like(length)
    for value in sigma.unique():
        chosen = sigma == value
        angle[chosen] = angle_quantile(share[chosen], value)
    return (noise * (angle / length.clamp(min=1e-9))[:, None]).to(noise)


def bridge(
    rotation: Float[Tensor, "n 3 3"],
    clean: Float[Tensor, "n 3 3"],
    sigma: float,
    later: float,
    noise: Float[Tensor, "n 3"] | None = None,
) -> Float[Tensor, "n 3 3"]:
    """From noise `sigma` to the lesser noise `later`, where `clean` is what was noised.

    To first order in the change of σ² this is Exp(Δσ² s + √Δσ² z) R, s being the score of IGSO(3) along
    v = Log(R cleanᵀ), as Watson et al. (Nature 620, 1089 (2023), suppl. eq. 14) step.  The angle is scaled by a power
    of later/σ in place of the linear term, which makes large steps of narrow kernels exact, too: as for Gaussians,
    the mean is that of the bridge from R to `clean`.

    Parameters
    ----------
    noise : standard normal vectors in the frames of the residues; none: half the drift and no noise, which is the flow
        with the same densities
    """
    v = log(clean.transpose(-1, -2) @ rotation).double()  # in the frame of `clean`
    angle = torch.linalg.vector_norm(v, dim=-1).clamp(min=1e-6)
    power = (-score(angle, angle.new_tensor(sigma).expand(len(angle))) * sigma**2 / angle).clamp(min=1e-3)  # 0⁰ is 1
    ratio = torch.tensor(later / sigma, dtype=torch.float64, device=v.device)
    shrunk = v * (ratio ** (power if noise is None else 2 * power))[:, None]
    moved = clean @ exp(shrunk).to(rotation)
    if noise is None:
        return moved
    spread = float(ratio) * math.sqrt(sigma**2 - later**2)
    return moved @ exp(spread * noise.to(rotation))
