"""A single query in half precision is computed in float32 on the CPU."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from vn.llm.slots import Part, Reading, SlotCache


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_one_query_is_as_in_float32(dtype, slots):
    torch.manual_seed(0)
    cache, device = SlotCache(), torch.device("cpu")
    past = [torch.randn(1, heads, 5 * slots, 8).to(dtype) for heads in (2, 2, 2)]
    Reading(cache, [Part(n, 0, 5) for n in range(slots)], 0, device).attend(0, *past, None)
    query, key, value = (torch.randn(1, 2, slots, 8).to(dtype) for _ in range(3))
    got = Reading(cache, [Part(n, 5, 1) for n in range(slots)], slots, device).attend(0, query, key, value, None)
    assert got.dtype == dtype
    assert cache.layers[0][0].dtype == dtype
    for n in range(slots):
        keys, values = (
            torch.cat([old[:, :, 5 * n : 5 * n + 5], new[:, :, n : n + 1]], dim=2).float()
            for old, new in ((past[1], key), (past[2], value))
        )
        expected = scaled_dot_product_attention(query[:, :, n : n + 1].float(), keys, values)
        torch.testing.assert_close(got[0, n], expected[0, :, 0].to(dtype), rtol=1e-6, atol=1e-6)
