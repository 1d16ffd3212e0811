"""Runs a narrator's forward pass as on CUDA, without a GPU, and records its operators.

Under torch's FakeTensorMode tensors have a device, a type and a shape, but no numbers: a value that is read by the CPU
is an error. Without a GPU, SDPA would choose its plain formula, so the kernels of CUDA are put in its place, with what
they need of a mask; the backward pass cannot run there.
"""

from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vn.llm.tensors import map_tensors

VIEWS = {
    *("view", "_unsafe_view", "t", "transpose", "permute", "expand", "unsqueeze", "squeeze"),
    *("slice", "select", "split_with_sizes", "alias", "detach"),
}
"""Operators that launch nothing."""


class Operators(TorchDispatchMode):
    """Records operators other than views: name, and the devices of the tensors that go in and come out."""

    def __init__(self):
        super().__init__()
        self.names, self.devices = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        space, name = str(func).split(".")[:2]
        if space != "prim" and name not in VIEWS:
            self.names.append(name)
            tensors = [x for x in tree_leaves((args, kwargs, out)) if isinstance(x, torch.Tensor)]
            self.devices.append((name, {x.device.type for x in tensors if x.dim() or x.device.type != "cpu"}))
        return out


def forward_operators(narrator, batch, mixed=torch.bfloat16):
    """The operators of ``narrator(batch)`` on CUDA, under autocast."""
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        for module in narrator.modules():
            for tensors in (module._parameters, module._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None:
                        tensors[name] = _on_cuda(tensor)
        batch = map_tensors(batch, mode.from_tensor).to("cuda")
        with Operators() as found, _autocast(mixed), _sdpa_of_cuda():
            narrator(batch)
    return found


def _on_cuda(tensor):
    fake = torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")
    return torch.nn.Parameter(fake, tensor.requires_grad) if isinstance(tensor, torch.nn.Parameter) else fake


@contextmanager
def _autocast(dtype):
    """`torch.autocast` turns itself off if there is no GPU."""
    torch.set_autocast_dtype("cuda", dtype)
    torch.set_autocast_enabled("cuda", True)
    try:
        yield
    finally:
        torch.set_autocast_enabled("cuda", False)
        torch.clear_autocast_cache()


@contextmanager
def _sdpa_of_cuda():
    def attend(q, k, v, mask=None, dropout=0.0, is_causal=False, scale=None, enable_gqa=False):
        if torch.is_autocast_enabled("cuda"):
            q, k, v = (x.to(torch.get_autocast_dtype("cuda")) for x in (q, k, v))
        if mask is None:
            kernel = torch.ops.aten._scaled_dot_product_flash_attention
            return kernel(q, k, v, dropout, is_causal, scale=scale)[0]
        assert mask.dtype == q.dtype, "a boolean mask would be made additive"
        if mask.stride(2) % 16:  # is copied
            mask = F.pad(mask, (0, -mask.shape[3] % 16))[..., : mask.shape[3]]
        kernel = torch.ops.aten._scaled_dot_product_efficient_attention
        return kernel(q, k, v, mask.expand(-1, q.shape[1], -1, -1), True, dropout, is_causal, scale=scale)[0]

    known = F.scaled_dot_product_attention
    F.scaled_dot_product_attention = attend
    try:
        yield
    finally:
        F.scaled_dot_product_attention = known
