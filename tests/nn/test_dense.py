import torch

from mdsnake.nn.dense import dense, real


def test_nodes_come_back_as_they_were() -> None:
    ptr, values = torch.tensor([0, 2, 5, 6]), torch.randn(6, 4, 3)
    there = real(ptr)
    assert there.sum(1).tolist() == [2, 3, 1]
    filled = dense(values, there)
    assert filled.shape == (3, 3, 4, 3)
    torch.testing.assert_close(filled[there], values)
    assert (filled[~there] == 0).all()
    torch.testing.assert_close(filled[1], values[2:5])
