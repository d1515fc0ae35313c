from itertools import pairwise

import torch
from torch import Generator, Tensor

from mdsnake.nn.attention import rotary, varlen_attention

LENGTHS = (3, 1, 5, 2)
PTR = torch.tensor([0, 3, 4, 9, 11])


def qkv(seed: int = 0) -> list[Tensor]:
    generator = Generator().manual_seed(seed)
    return [torch.randn(sum(LENGTHS), 2, 4, generator=generator, dtype=torch.float64) for _ in range(3)]


def test_it_is_softmax_attention_of_each_sample() -> None:
    q, k, v = qkv()
    found = varlen_attention(q, k, v, PTR)
    for start, stop in pairwise(PTR):
        a, b, c = (x[start:stop].transpose(0, 1) for x in (q, k, v))
        weights = torch.softmax(a @ b.transpose(1, 2) / 2, dim=-1)
        torch.testing.assert_close(found[start:stop], (weights @ c).transpose(0, 1))


def test_nothing_leaks_between_samples() -> None:
    inputs = [x.requires_grad_() for x in qkv()]
    out = varlen_attention(*inputs, PTR)
    for gradient in torch.autograd.grad(out[4:9].square().sum(), inputs):
        assert (gradient[4:9] != 0).all()
        assert (gradient[:4] == 0).all()
        assert (gradient[9:] == 0).all()


def test_one_sample_is_plain_attention() -> None:
    q, k, v = qkv()
    found = varlen_attention(q, k, v, torch.tensor([0, len(q)]))
    plain = torch.nn.functional.scaled_dot_product_attention(*(x.transpose(0, 1) for x in (q, k, v)))
    torch.testing.assert_close(found, plain.transpose(0, 1))


def test_samples_known_to_be_equally_long_are_treated_alike() -> None:
    q, k, v = (x[:9] for x in qkv())
    ptr = torch.tensor([0, 3, 6, 9])
    torch.testing.assert_close(varlen_attention(q, k, v, ptr, length=3), varlen_attention(q, k, v, ptr))


def test_rotary_products_tell_differences_of_places_alone() -> None:
    q, k = torch.randn(1, 2, 8).expand(6, 2, 8), torch.randn(1, 2, 8).expand(6, 2, 8)
    index = torch.arange(6)
    near = (rotary(q, index) * rotary(k, index + 3)).sum(-1)
    torch.testing.assert_close(near, near[:1].expand(6, 2))
    assert not torch.allclose(near, (rotary(q, index) * rotary(k, index + 4)).sum(-1))
