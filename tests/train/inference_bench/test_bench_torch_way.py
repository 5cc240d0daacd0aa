"""Grad-CAM by hooks in PyTorch; needs torch, which no other test does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from pneumoscope.bundle import GOLDEN, open_bundle
from pneumoscope.train.inference_bench.films import draw
from pneumoscope.train.inference_bench.torch_way import Torch
from pneumoscope.train.inference_bench.way import Job


def test_grad_cam_is_that_of_automatic_differentiation(tmp_path: Path) -> None:
    folder = open_bundle("adults").path
    way = Torch(Job(folder, 2, 224))
    dp = way.golden_dp()
    assert dp is not None
    assert dp < 1e-5
    with np.load(folder / GOLDEN) as golden:
        inputs = golden["inputs"][:2]
    p, heat = way._judged(inputs)
    for i in range(2):  # film by film, without hooks
        maps = way._body(torch.from_numpy(inputs[i : i + 1])).detach().requires_grad_()
        score = way._head(maps)[0, int(p[i].argmax())].log()
        (gradient,) = torch.autograd.grad(score, maps)
        expected = (maps * gradient.mean((2, 3), keepdim=True)).sum(1).relu()
        np.testing.assert_allclose(heat[i], expected[0].detach().numpy(), atol=1e-5)
    films = draw(tmp_path, small=3, large=0, dicom=0).small
    way.read(films[0])
    way.read_many(films * 4)
