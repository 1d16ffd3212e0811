"""A CPU kernel for torch's variable-length attention, which has kernels for CUDA only.

torch's own function, checks and autograd formula run; only what FlashAttention computes is replaced, by a dense softmax
part by part, in any floating-point type. Keys are aligned with the end of the queries, as FlashAttention does from
version 2.1 on.
"""

from itertools import pairwise

import torch
from torch.nn.attention import varlen


def _dense(q, k, scale):
    """The weights of one sequence: ``[heads, queries, keys]``, and their log-sum-exp."""
    scores = torch.einsum("qhd,khd->hqk", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale)
    behind = k.shape[0] - q.shape[0]
    seen = torch.ones(scores.shape[1:], dtype=torch.bool).tril(behind)
    scores = scores.masked_fill(~seen, -torch.inf)
    return scores.softmax(-1), scores.logsumexp(-1)


def _sequences(q, k, query_ends, key_ends):
    assert query_ends.dtype == key_ends.dtype == torch.int32
    assert (int(query_ends[-1]), int(key_ends[-1])) == (len(q), len(k))
    for (a, b), (c, d) in zip(pairwise(query_ends.tolist()), pairwise(key_ends.tolist()), strict=True):
        assert d - c >= b - a, "each query has a key"
        yield slice(a, b), slice(c, d)


def _forward(q, k, v, query_ends, key_ends, most_queries, most_keys, is_causal, scale, window_size, *rest):
    assert is_causal
    assert list(window_size) == [-1, 0]
    groups = q.shape[1] // k.shape[1]
    k, v = (x.repeat_interleave(groups, dim=1) for x in (k, v))
    out, ends = torch.empty_like(q), q.new_empty(q.shape[1], len(q))
    for queries, keys in _sequences(q, k, query_ends, key_ends):
        assert queries.stop - queries.start <= most_queries
        assert keys.stop - keys.start <= most_keys
        weights, ends[:, queries] = _dense(q[queries], k[keys], scale)
        out[queries] = torch.einsum("hqk,khd->qhd", weights, v[keys])
    return out, ends, torch.zeros(2, dtype=torch.uint64)


def _backward(
    grad, q, k, v, out, ends, query_ends, key_ends, most_queries, most_keys, is_causal, state, scale, window_size
):
    groups = q.shape[1] // k.shape[1]
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    factor = q.shape[-1] ** -0.5 if scale is None else scale
    for queries, keys in _sequences(q, k, query_ends, key_ends):
        wide_k, wide_v = (x[keys].repeat_interleave(groups, dim=1) for x in (k, v))
        weights, _ = _dense(q[queries], wide_k, scale)
        back = torch.einsum("qhd,khd->hqk", grad[queries], wide_v)
        back = weights * (back - (back * weights).sum(-1, keepdim=True)) * factor
        dq[queries] = torch.einsum("hqk,khd->qhd", back, wide_k)
        for found, into in (
            (torch.einsum("hqk,qhd->khd", back, q[queries]), dk),
            (torch.einsum("hqk,qhd->khd", weights, grad[queries]), dv),
        ):
            into[keys] += found.unflatten(1, (-1, groups)).sum(2)
    return dq, dk, dv


def register():
    """Teach torch's operators to run on the CPU, for this process."""
    varlen._varlen_attn.register_kernel("cpu")(_forward)
    varlen._varlen_attn_backward.register_kernel("cpu")(_backward)
