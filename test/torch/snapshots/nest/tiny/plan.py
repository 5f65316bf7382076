"""How Tiny is trained: its section `train`."""

from . import diffusion, diffusion_inner, model, sampler, sampler_inner
from .settings import Inputs, Phase, Settings, Text

SETTINGS = Settings(
    optimizer="adamw",
    betas=(0.9, 0.99),
    epsilon=1e-8,
    weight_decay=0.01,
    warmup=4,
    decay="constant",
    clip=0.5,
    average=0.9,
    accumulate=1,
    precision="float32",
    condition_dropout=0.2,
    flip=True,
    seed=0,
)

PHASES = (
    Phase(
        "Inner",
        model.Inner,
        diffusion_inner,
        sampler_inner,
        inputs=Inputs(8, 1, 3, Text(12, masked=True), {"scale": 16.0}),
        resolutions=("8",),
        shares=(1.0,),
        rate=0.001,
        steps=8,
        batch=8,
    ),
    Phase(
        "Tiny",
        model.Tiny,
        diffusion,
        sampler,
        inputs=Inputs(16, 1, 3, Text(12, masked=True), {"scale": 16.0}),
        resolutions=("16", "8"),
        shares=(0.5, 1.0),
        rate=0.001,
        steps=12,
        batch=8,
    ),
)
