"""Tell machines apart whose arithmetic differs in what a learner's results depend on."""

from __future__ import annotations

import sys

from auctionsim.arithmetic.fingerprint import digest_of, fixed_numbers, numpy_digest, own_digest

SAME_EVERYWHERE = ("macg-es", "openai-es", "cma-es", "value-scale", "value-scale-paced", "objective-scale")
"""Learners that give the same bytes on every processor; the others train networks by torch."""


def parts(algorithm: str) -> tuple[str, ...]:
    """Return the parts of the arithmetic that a learner's results may depend on.

    `own` is to be the same everywhere and counts for all. Built-in networks depend on `torch`; a class of the user's own on
    `numpy`, and on torch where that has been imported.
    """
    if ":" in algorithm:
        return ("own", "numpy", "torch") if "torch" in sys.modules else ("own", "numpy")
    return ("own",) if algorithm in SAME_EVERYWHERE else ("own", "torch")


def fingerprint(of: tuple[str, ...]) -> dict[str, str]:
    """Return a digest of each part of this machine's arithmetic, of those that `parts` returned."""
    digests = {"own": own_digest, "numpy": numpy_digest, "torch": _torch_digest}
    return {part: digests[part]() for part in of}


def _torch_digest() -> str:
    """Return the digest of a small network's values and gradients, single precision, as the learners compute them."""
    import torch

    from auctionsim.agents.learners.rl.stacked_mlp import one_thread

    with one_thread():
        first, last, inputs = (
            torch.from_numpy(fixed_numbers(*shape).astype("float32")) for shape in ((3, 33, 64), (3, 64, 7), (3, 200, 33))
        )
        first.requires_grad_()
        last.requires_grad_()
        out = torch.matmul(torch.tanh(torch.matmul(inputs, first)), last)
        loss = (out.exp().log_softmax(dim=-1) * out).mean() + torch.relu(out).square().sum().sqrt()
        loss.backward()  # type: ignore[no-untyped-call]
        return digest_of(out.detach().numpy(), loss.detach().numpy(), *(one.grad for one in (first, last)))
