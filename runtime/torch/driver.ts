/** The Python program that runs generated packages; `process.ts` talks to it. */
export const driver = String.raw`"""Runs generated packages for mdmc: a request a line on standard input, an answer a line on standard output."""

import copy
import importlib
import json
import sys

import torch
from safetensors.torch import load_file, save_file


class Package:
    """A generated package and, where it has weights, its model."""

    def __init__(self, folder, package, model, resolutions, device, trains):
        sys.path.insert(0, folder)
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
        importlib.invalidate_caches()
        try:
            self.network, self.diffusion, self.sampler = (
                importlib.import_module(f"{package}.{name}") for name in ("model", "diffusion", "sampler")
            )
            if trains:
                self.plan, self.steps = (importlib.import_module(f"{package}.{name}") for name in ("plan", "training"))
        finally:
            sys.path.remove(folder)
        self.type = getattr(self.network, model)
        self.resolutions = resolutions
        self.device = device

    def parameters(self):
        with torch.device("meta"):
            model = self.type()
        return [[name, list(tensor.shape)] for name, tensor in model.state_dict().items()]

    def tables(self, steps):
        weights = getattr(self.diffusion, "step_weights", None)
        return {
            "gammas": self.diffusion.schedules()[0].tolist(),
            "weights": [] if weights is None else weights(torch.device("cpu"))[0].tolist(),
            "timesteps": self.sampler.timesteps(steps),
        }

    def load(self, weights):
        self.model = self.network.load(weights, self.device).eval()
        self.trainer = None

    def run(self, what, inputs, trains):
        inputs = {name: tensor.to(self.device) for name, tensor in inputs.items()}
        self.images = {}
        with torch.set_grad_enabled(trains):
            outputs, scalar = getattr(self, what)(inputs)
            if scalar is not None and trains:
                outputs.update(self.gradients(scalar))
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in outputs.items()}

    def gradients(self, scalar):
        wanted = {name: tensor for name, tensor in self.model.named_parameters() if tensor.requires_grad}
        wanted.update(self.images)
        found = torch.autograd.grad(scalar, list(wanted.values()), allow_unused=True)
        return {f"gradient.{name}": tensor for name, tensor in zip(wanted, found) if tensor is not None}

    def given(self, inputs):
        names = [name for name in ("text", "text_mask", "label") if name in inputs]
        micros = {name[6:]: tensor for name, tensor in inputs.items() if name.startswith("micro_")}
        values = [inputs[name].long() if name == "label" else inputs[name] for name in names]
        return values, ({"micros": micros} if micros else {})

    def of(self, prefix, inputs):
        return [inputs[f"{prefix}_{name}"] for name in self.resolutions]

    def denoiser(self, inputs):
        images = [image.requires_grad_() for image in self.of("x", inputs)]
        self.images = {f"x_{name}": image for name, image in zip(self.resolutions, images)}
        given, micros = self.given(inputs)
        predictions = self.model(images, inputs["times"], *given, **micros)
        outputs = {f"pred_{name}": prediction for name, prediction in zip(self.resolutions, predictions)}
        scalar = sum((outputs[name[5:]] * seed).sum() for name, seed in inputs.items() if name.startswith("seed_"))
        return outputs, scalar

    def loss(self, inputs):
        given, micros = self.given(inputs)
        noise = self.of("noise", inputs)
        losses = self.diffusion.losses(self.model, inputs["images"], inputs["times"].long(), noise, *given, **micros)
        mean = losses.total.mean()
        each = {f"loss_{name}": loss for name, loss in zip(self.resolutions, losses.by_resolution)}
        return {"losses": losses.total, "loss": mean, **each}, mean

    def training(self, inputs):
        if self.trainer is None:
            (phase,) = self.plan.PHASES
            names = self.steps.trained_names(phase)
            for name, parameter in self.model.named_parameters():
                parameter.requires_grad_(name in names)
            average = copy.deepcopy(self.model).requires_grad_(False)
            self.trainer = self.steps.Trainer(
                phase, self.plan.SETTINGS, phase.steps, self.model, average, self.model
            )
        trainer = self.trainer
        given, micros = self.given(inputs)
        drawn = inputs["images"], inputs["times"].long(), self.of("noise", inputs), given, micros.get("micros", {})
        outputs, _ = self.loss(inputs)
        loss, *_ = trainer.backward(self.steps.Drawn(*drawn))
        outputs["loss"] = loss
        trained = {name: tensor for name, tensor in self.model.named_parameters() if tensor.requires_grad}
        outputs.update({f"gradient.{name}": tensor.grad.clone() for name, tensor in trained.items()})
        outputs["rate"] = torch.tensor(trainer.rate)
        outputs["norm"], _ = trainer.update(loss)
        outputs.update({f"parameter.{name}": tensor for name, tensor in self.model.state_dict().items()})
        outputs.update({f"average.{name}": tensor for name, tensor in trainer.average.state_dict().items()})
        return outputs, None

    def step(self, inputs):
        times = inputs["times"]
        (step,) = (one for one in self.sampler.plan() if one.time == times[0].item())
        given, micros = self.given(inputs)
        images = self.of("x", inputs)
        guidance = inputs["guidance"].item() if "guidance" in inputs else 1.0
        if given:
            condition = self.model.condition(*given)
            predictions = self.sampler.predict(self.model, images, times, condition, guidance, **micros)
        else:
            predictions = self.model.predictions(images, times, **micros)
        names = self.sampler.take.__code__.co_varnames[: self.sampler.take.__code__.co_argcount]
        extra = [self.of(name, inputs) for name in names if name in ("noise", "previous")]
        following, aims = self.sampler.take(step, images, predictions, *extra)
        outputs = {f"next_{name}": image for name, image in zip(self.resolutions, following)}
        outputs.update({f"x0_{name}": image for name, image in zip(self.resolutions, aims)})
        return outputs, None


def answer(packages, request):
    if "threads" in request:
        torch.set_num_threads(request["threads"])
    elif "open" in request:
        packages[request["open"]] = Package(**request["package"])
    elif "parameters" in request:
        return {"parameters": packages[request["parameters"]].parameters()}
    elif "tables" in request:
        return packages[request["tables"]].tables(request["steps"])
    elif "weights" in request:
        packages[request["id"]].load(request["weights"])
    elif "run" in request:
        outputs = packages[request["run"]].run(request["what"], load_file(request["inputs"]), request["trains"])
        save_file(outputs, request["outputs"])
    elif "close" in request:
        del packages[request["close"]]
    return {}


def main():
    packages = {}
    print(json.dumps({"torch": torch.__version__, "cuda": torch.cuda.is_available()}), flush=True)
    for line in sys.stdin:
        try:
            result = answer(packages, json.loads(line))
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


main()
`
