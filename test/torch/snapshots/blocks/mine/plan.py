"""How Mine is trained: its section `train`."""

from . import diffusion, sampler
from .model import Mine
from .settings import Inputs, Labels, Phase, Settings

SETTINGS = Settings(
    optimizer="adamw",
    betas=(0.9, 0.99),
    epsilon=1e-8,
    weight_decay=0.0,
    warmup=0,
    decay="constant",
    clip=2.0,
    average=0.9999,
    accumulate=1,
    precision="float32",
    condition_dropout=0.0,
    flip=False,
    seed=0,
)

PHASES = (
    Phase(
        "Mine",
        Mine,
        diffusion,
        sampler,
        inputs=Inputs(8, 1, 3, Labels(3, ()), {}),
        resolutions=("8",),
        shares=(1.0,),
        rate=0.0001,
        steps=None,
        batch=None,
    ),
)
