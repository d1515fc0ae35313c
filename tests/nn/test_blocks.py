import pytest
import torch

from mdsnake.nn.blocks import block_linear


@pytest.mark.parametrize("parts", [[(4, 3)], [(1, 2), (3, 5)]])
@pytest.mark.parametrize("with_bias", [False, True])
def test_every_block_of_rows_has_its_own_weights(parts: list[tuple[int, int]], with_bias: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    of_row = torch.arange(4).repeat_interleave(torch.tensor([n for blocks, n in parts for _ in range(blocks)]))
    values, weights = (torch.randn(shape, generator=generator) for shape in ((len(of_row), 5), (4, 5, 2)))
    bias = torch.randn(4, 2, generator=generator) if with_bias else None
    found = block_linear(values, weights, parts, bias)
    for row, block in enumerate(of_row.tolist()):
        expected = values[row] @ weights[block] + (bias[block] if bias is not None else 0)
        torch.testing.assert_close(found[row], expected)
