import torch

from mdsnake.nn.segments import remove_net_momentum, segment_mean, segment_sum

INDEX = torch.tensor([0, 2, 0, 2, 2])
VALUES = torch.arange(10.0).view(5, 2)


def test_rows_are_added_up_by_segment() -> None:
    torch.testing.assert_close(segment_sum(VALUES, INDEX, 4), torch.tensor([[4.0, 6], [0, 0], [16, 19], [0, 0]]))
    assert segment_sum(torch.ones(5, dtype=torch.long), INDEX, 3).tolist() == [2, 0, 3]


def test_rows_are_averaged_by_segment_and_none_is_zero() -> None:
    torch.testing.assert_close(segment_mean(VALUES, INDEX, 3), torch.tensor([[2.0, 3], [0, 0], [16 / 3, 19 / 3]]))
    torch.testing.assert_close(segment_mean(VALUES[:, 0], INDEX, 3), torch.tensor([2.0, 0, 16 / 3]))


def test_net_momentum_is_removed_and_relative_motion_kept() -> None:
    generator = torch.Generator().manual_seed(0)
    v, masses = torch.randn(5, 3, generator=generator), torch.rand(5, generator=generator) + 1
    still = remove_net_momentum(v, masses, INDEX, 3)
    torch.testing.assert_close(segment_sum(masses[:, None] * still, INDEX, 3), torch.zeros(3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(still[0] - still[2], v[0] - v[2])
    assert not torch.allclose(still[0] - still[1], v[0] - v[1])
