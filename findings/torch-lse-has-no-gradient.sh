#!/usr/bin/env bash
# 2026-11-27. torch==2.14.1 (and 2.11.0): the log-sum-exp that torch's fused attention returns beside its output has no
# gradient, so that attention computed in two pieces and merged by it has a right output and wrong gradients of queries
# and keys, without an error:
#   - of aten's flash attention, the log-sum-exp does not require gradients (shown here by its CPU kernel);
#   - of torch.nn.attention.varlen.varlen_attn(..., return_aux=AuxRequest(lse=True)) it does require them, and what comes
#     back through it is dropped (shown by CPU kernels for torch's two operators; theirs are for CUDA only).
#
# Expected: gradients as of any differentiable output, as flex_attention(..., return_lse=True) has them, or an error.
# Why it matters: merging pieces by their log-sum-exp is how attention is split over a shared prefix, or over devices.
# Cause, read in torch/nn/attention/varlen.py: _backward takes grad_lse and does not use it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q "torch==${TORCH:-2.14.1}" numpy
"$folder/env/bin/python" - <<'PY'
import torch
from torch.nn.attention import varlen

print("torch", torch.__version__)


def weights(q, k, scale):
    scores = torch.einsum("qhd,khd->hqk", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale)
    return scores.softmax(-1), scores.logsumexp(-1)


# One sequence, every query sees every key: all that is needed here.
def forward(q, k, v, ends_q, ends_k, most_q, most_k, causal=False, scale=None, window=None, *rest):
    found, lse = weights(q, k, scale)
    return torch.einsum("hqk,khd->qhd", found, v), lse, torch.zeros(2, dtype=torch.uint64)


def backward(grad, q, k, v, out, lse, ends_q, ends_k, most_q, most_k, causal, state, scale=None, window=None):
    found, _ = weights(q, k, scale)
    back = torch.einsum("qhd,khd->hqk", grad, v)
    back = found * (back - (back * found).sum(-1, keepdim=True)) * q.shape[-1] ** -0.5
    return torch.einsum("hqk,khd->qhd", back, k), torch.einsum("hqk,qhd->khd", back, q), torch.einsum(
        "hqk,qhd->khd", found, grad
    )


varlen._varlen_attn.register_kernel("cpu")(forward)
varlen._varlen_attn_backward.register_kernel("cpu")(backward)


def by_varlen(q, k, v):
    ends = [torch.tensor([0, len(x)], dtype=torch.int32) for x in (q, k)]
    return varlen.varlen_attn(q, k, v, *ends, len(q), len(k), return_aux=varlen.AuxRequest(lse=True))


def by_flash(q, k, v):
    q, k, v = (x.transpose(0, 1)[None] for x in (q, k, v))
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v)
    return out[0].transpose(0, 1), lse[0].reshape(q.shape[1], q.shape[2])


def merged(attend, q, k, v, cut=5):
    """Attention to two pieces of the keys, weighted by the share of the softmax's sum that each has."""
    (out, lse), (other, more) = attend(q, k[:cut], v[:cut]), attend(q, k[cut:], v[cut:])
    print(f"  the log-sum-exp requires gradients: {lse.requires_grad}")
    share = torch.sigmoid(lse - more).T[..., None]
    return share * out + (1 - share) * other


def whole(q, k, v):
    return torch.einsum("hqk,khd->qhd", weights(q, k, None)[0], v)


def results(attend):
    torch.manual_seed(0)
    inputs = [torch.randn(n, 2, 8, dtype=torch.float64, requires_grad=True) for n in (6, 9, 9)]
    out = attend(*inputs)
    return out.detach(), torch.autograd.grad((out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum(), inputs)


expected, gradients = results(whole)
for name, attend in (("aten's flash attention on the CPU", by_flash), ("varlen_attn", by_varlen)):
    print(name)
    out, found = results(lambda q, k, v: merged(attend, q, k, v))
    wrong = [float((a - b).norm() / b.norm()) for a, b in zip(found, gradients, strict=True)]
    print(f"  merged beside whole: output {float((out - expected).norm()):.0e}; relative error of the gradients of ", end="")
    print(*(f"{which} {error:.0e}" for which, error in zip(("queries", "keys", "values"), wrong, strict=True)), sep=", ")
    assert (out - expected).norm() < 1e-12, "the merge itself is wrong"
    assert wrong[2] < 1e-12, "gradients of values have changed"
    assert min(wrong[:2]) > 1e-2, "torch has changed: gradients flow through the log-sum-exp"
PY
