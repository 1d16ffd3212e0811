"""Lines of trees of random shape, and what attends to what in them by definition."""

import torch
import torch.nn.functional as F
from hypothesis import strategies as st

from vn.llm.trees import Branch, Tree


@st.composite
def lines(draw, longest=30):
    """Trees end to end: trunks of 1 to 30 places, branches of 1 to 10 that leave the trunk anywhere."""
    trees, at = [], 0
    for _ in range(draw(st.integers(1, 3))):
        start, at = at, at + draw(st.integers(1, longest))
        end, branches = at, []
        for _ in range(draw(st.integers(0, 4))):
            branches.append(Branch(at, at + draw(st.integers(1, longest // 3)), draw(st.integers(start, end))))
            at = branches[-1].end
        trees.append(Tree(start, end, tuple(branches)))
    return tuple(trees)


def dense(trees):
    """By definition: a place sees what comes before it in its row, wherever that row lies in the line."""
    length = trees[-1].parts[-1].end
    mask = torch.zeros(length, length, dtype=torch.bool)
    for tree in trees:
        rows = [list(range(tree.start, tree.end))]
        rows += [[*range(tree.start, b.seen), *range(b.start, b.end)] for b in tree.branches]
        for row in rows:
            for n, place in enumerate(row):
                mask[place, row[: n + 1]] = True
    return mask


def heads(trees, key_heads=2, dtype=torch.float32):
    """Queries of four heads, keys and values."""
    torch.manual_seed(len(trees))
    length = trees[-1].parts[-1].end
    return [torch.randn(1, n, length, 8, dtype=dtype, requires_grad=True) for n in (4, key_heads, key_heads)]


def results(attend, inputs):
    """The output ``[1, L, heads, d]`` of attention, and the gradients of its inputs."""
    out = attend(*inputs)
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    return [out.detach(), *torch.autograd.grad((out * weights).sum(), inputs)]


def by_definition(trees):
    """One call of SDPA under a mask of all pairs."""

    def attend(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, dense(trees), enable_gqa=True).transpose(1, 2)

    return attend
