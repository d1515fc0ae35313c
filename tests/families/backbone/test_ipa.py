import torch

from mdsnake.families.backbone.ipa import InvariantPointAttention
from mdsnake.nn.rotations import random_rotations

THERE = torch.tensor([[True] * 5 + [False] * 2, [True] * 7])


def inputs() -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    h, pair = torch.randn(2, 7, 8, generator=generator), torch.randn(2, 7, 7, 3, generator=generator)
    rotations, places = random_rotations(14, generator).view(2, 7, 3, 3), torch.randn(2, 7, 3, generator=generator)
    return tuple(x.double() for x in (h, pair, rotations, places))


def layer() -> InvariantPointAttention:
    torch.manual_seed(0)
    return InvariantPointAttention(8, 3, 2, 2, 3).double()


def test_no_common_motion_changes_it() -> None:
    h, pair, rotations, places = inputs()
    before = layer()(h, pair, rotations, places, THERE)
    turn = random_rotations(1, torch.Generator().manual_seed(1))[0].double()
    turn = torch.linalg.qr(turn)[0]
    turn = turn * torch.linalg.det(turn)
    after = layer()(h, pair, turn @ rotations, places @ turn.T + 3.0, THERE)
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)


def test_a_mirror_image_is_something_else() -> None:
    h, pair, rotations, places = inputs()
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    before, after = (layer()(h, pair, rotations, x, THERE) for x in (places, places @ mirror))
    assert float((after - before).detach().abs().max()) > 1e-3


def test_what_fills_up_counts_for_nothing() -> None:
    h, pair, rotations, places = inputs()
    before = layer()(h, pair, rotations, places, THERE)
    h[0, 5:], places[0, 5:], pair[0, :, 5:] = 100.0, 100.0, 100.0
    after = layer()(h, pair, rotations, places, THERE)
    torch.testing.assert_close(after[THERE], before[THERE])


def test_its_logits_are_those_of_the_points_distances() -> None:
    """Against the sum as the paper writes it."""
    ipa = layer()
    h, pair, rotations, places = inputs()
    n, m, heads, p = 2, 7, ipa.heads, ipa.query_points
    q, k, v = ipa.qkv(h).view(n, m, 3, heads, -1).unbind(2)
    points = torch.einsum("blij,blpj->blpi", rotations, ipa.points(h).view(n, m, -1, 3)) + places[:, :, None]
    mine, theirs, told = points.view(n, m, heads, -1, 3).split([p, p, ipa.value_points], 3)
    apart = (mine[:, :, None] - theirs[:, None]).square().sum((-1, -2))
    scale = torch.nn.functional.softplus(ipa.nearness)
    logits = torch.einsum("bihc,bjhc->bijh", q, k) / q.shape[-1] ** 0.5 + ipa.pair(pair)
    logits = (logits - 0.5 * scale * (2 / (9 * p)) ** 0.5 * apart) / 3**0.5
    weights = logits.masked_fill(~THERE[:, None, :, None], -torch.inf).softmax(2)
    found = torch.einsum("bijh,bjhpc->bihpc", weights, told).flatten(2, 3) - places[:, :, None]
    local = torch.einsum("blji,blpj->blpi", rotations, found)
    features = torch.einsum("bijh,bjhc->bihc", weights, v).flatten(2)
    pairs = torch.einsum("bijh,bijc->bihc", weights, pair).flatten(2)
    joined = torch.cat([features, local.flatten(2), local.norm(dim=-1), pairs], dim=-1)
    torch.testing.assert_close(ipa(*inputs(), THERE)[THERE], ipa.out(joined)[THERE], rtol=1e-5, atol=1e-6)
