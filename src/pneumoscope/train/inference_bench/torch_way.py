"""The bundle's network in PyTorch, with Grad-CAM by hooks, as its users write it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pneumoscope.bundle import MODEL, open_bundle
from pneumoscope.train.inference_bench import torch_network
from pneumoscope.train.inference_bench.way import Way, by_pillow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.train.inference_bench.way import Job


class Torch(Way):
    """Pillow before it; a hook on the network's last feature maps keeps these and their gradient.

    Args:
        job: The bundle and the threads.
        compiled: Whether ``torch.compile`` compiles it; the first film of a batch size waits for that.
    """

    def __init__(self, job: Job, *, compiled: bool = False) -> None:
        super().__init__(job)
        torch.set_num_threads(1)
        self._size = open_bundle(job.bundle).meta.size
        self._local = threading.local()
        body, head = torch_network.read(job.bundle / MODEL)
        self._body: Any = torch.compile(body, dynamic=False) if compiled else body
        self._head: Any = torch.compile(head, dynamic=False) if compiled else head
        self._body.register_forward_hook(self._keep)

    def _keep(self, _module: object, _inputs: object, maps: torch.Tensor) -> None:
        """The hook: notes maps and, after the backward pass, their gradient, of this thread."""
        if not torch.is_grad_enabled():
            return
        maps.requires_grad_()

        def keep_gradient(gradient: torch.Tensor) -> None:
            self._local.gradient = gradient

        self._local.maps = maps
        maps.register_hook(keep_gradient)

    def read(self, film: Path) -> object:
        return self._read([film])

    def read_many(self, films: Sequence[Path]) -> None:
        self._in_threads(self._read, films)

    def probabilities(self, inputs: NDArray[np.uint8]) -> NDArray[np.float32]:
        p: NDArray[np.float32] = self._judged(inputs)[0]
        return p

    def _read(self, films: Sequence[Path]) -> object:
        return self._judged(np.stack([by_pillow(film, self._size) for film in films])[..., None])

    def _judged(self, inputs: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Probabilities (n, classes), and the Grad-CAM (n, h, w) of each film's likeliest class."""
        p = self._head(self._body(torch.from_numpy(inputs)))
        p.amax(1).log().sum().backward()
        weights = self._local.gradient.mean((2, 3), keepdim=True)
        heat = torch.relu((weights * self._local.maps.detach()).sum(1))
        return p.detach().numpy(), heat.numpy()
