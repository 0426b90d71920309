"""PyTorch by hand: `nn.LSTM` modules, autograd, fused Adam; a loop of cells to sample.

The fast forms that a PyTorch programmer would write: whole layers through oneDNN or
cuDNN, bars side by side, z multiplied by its share of the kernel once when sampling.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.contenders.base import Contender
from benchmarks.contenders.device import wait_for
from benchmarks.tasks import (
    BETA,
    CLIP_NORM,
    FRAME_DIM,
    FREE_BITS,
    LEARNING_RATE,
    STEPS_PER_BAR,
    Arrays,
    ModelSize,
    Task,
)

_EPSILON = 1e-7


class TorchMusicVAE(nn.Module):
    """The model, with `nn.LSTM` and `nn.Linear`."""

    def __init__(self, size: ModelSize) -> None:
        super().__init__()
        self.size = size
        units, latent = size.encoder_units, size.latent_dim
        self.encoder = nn.LSTM(FRAME_DIM, units, batch_first=True, bidirectional=True)
        self.mean = nn.Linear(2 * units, latent)
        self.stddev = nn.Linear(2 * units, latent)
        embedding = latent
        if size.hierarchical:
            self.conductor_start = nn.Linear(latent, 2 * sum(size.conductor_units))
            self.conductor = _stack(1, size.conductor_units)
            embedding = size.conductor_units[-1]
        self.notes_start = nn.Linear(embedding, 2 * sum(size.decoder_units))
        self.notes = _stack(FRAME_DIM + embedding, size.decoder_units)
        self.output = nn.Linear(size.decoder_units[-1], FRAME_DIM)

    def posterior(self, grooves: Tensor) -> tuple[Tensor, Tensor]:
        _, (h, _) = self.encoder(grooves)
        summary = torch.cat([h[0], h[1]], -1)
        return self.mean(summary).float(), F.softplus(self.stddev(summary)).float()

    def teacher_forced(self, z: Tensor, grooves: Tensor) -> Tensor:
        previous = F.pad(grooves[:, :-1], (0, 0, 1, 0))
        embedding, steps = z, self.size.num_steps
        if self.size.hierarchical:
            embedding = self.conduct(z).flatten(0, 1)
            steps = STEPS_PER_BAR
            previous = previous.reshape(-1, steps, FRAME_DIM)
        repeated = embedding[:, None].expand(-1, steps, -1)
        hidden = torch.cat([previous.to(repeated.dtype), repeated], -1)
        state = _split(torch.tanh(self.notes_start(embedding)), self.notes)
        hidden, _ = self.notes(hidden, state)
        return self.output(hidden).float().reshape(grooves.shape)

    def conduct(self, z: Tensor) -> Tensor:
        """The embeddings of the bars, (batch, bars, units)."""
        state = _split(torch.tanh(self.conductor_start(z)), self.conductor)
        nothing = z.new_zeros(len(z), self.size.num_bars, 1)
        return self.conductor(nothing, state)[0]

    def loss(self, grooves: Tensor, epsilon: Tensor) -> Tensor:
        mean, stddev = self.posterior(grooves)
        outputs = self.teacher_forced(mean + stddev * epsilon, grooves)
        hits, velocities, offsets = grooves.chunk(3, -1)
        logits, a, b = outputs.chunk(3, -1)
        p = torch.sigmoid(logits)
        cost = -(hits * (p + _EPSILON).log() + (1 - hits) * (1 - p + _EPSILON).log())
        cost = cost + (a.sigmoid() - velocities) ** 2 + (b.tanh() - offsets) ** 2
        kl = (0.5 * (mean**2 + stddev**2 - 1) - stddev.log()).sum(-1)
        kl = (kl - FREE_BITS * math.log(2)).clamp(min=0)
        return (cost.sum((1, 2)) + BETA * kl).mean()


class TorchNative(Contender):
    """`nn.LSTM` modules and `torch.optim.Adam(fused=True)`."""

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.grooves = self._to_device(inputs["grooves"])
        self.model = TorchMusicVAE(task.size).to(self.device)
        self.weights = _load(self.model, weights)
        self.loss = self.model.loss
        if task.kind == "train":
            self.optimizer = torch.optim.Adam(
                self.weights.values(), LEARNING_RATE, fused=True
            )
            self.count = 0

    def gradients(self) -> tuple[Any, Mapping[str, Any]]:
        loss = self._backward(self._to_device(self.inputs["epsilon"]))
        # Kernels are (outputs, inputs) in PyTorch.
        return loss.detach(), {
            n: w.grad.cpu().numpy().T.copy() for n, w in self.weights.items()
        }

    def step(self) -> Any:
        return self._step(self._to_device(self.inputs["epsilon"])).detach()

    def train(self, repeats: int) -> None:
        shape = (len(self.grooves), self.task.size.latent_dim)
        for _ in range(repeats):
            self._step(torch.randn(shape, device=self.device))
        wait_for("torch", None)

    def encode(self) -> tuple[Any, Any]:
        with torch.inference_mode(), self._autocast():
            mean, stddev = self.model.posterior(self._to_device(self.inputs["grooves"]))
            return mean.cpu().numpy(), stddev.cpu().numpy()

    def sample(self, noise: Any) -> Any:
        with torch.inference_mode(), self._autocast():
            z, noise = self._to_device(self.inputs["z"]), self._to_device(noise)
            frame = z.new_zeros(len(z), FRAME_DIM)
            # u < sigmoid(logit)  <=>  logit > log(u / (1 - u))
            threshold = torch.logit(noise)
            embeddings = [z]
            if self.task.size.hierarchical:
                embeddings = self.model.conduct(z).unbind(1)
            frames: list[Tensor] = []
            parts = threshold.chunk(len(embeddings), 1)
            for part, embedding in zip(parts, embeddings, strict=True):
                frame = self._write(embedding, frame, part, frames)
            return torch.stack(frames, 1).float().cpu().numpy()

    def _step(self, epsilon: Tensor) -> Tensor:
        loss = self._backward(epsilon)
        nn.utils.clip_grad_norm_(self.weights.values(), CLIP_NORM)
        # Keras and TensorFlow add epsilon before the bias correction, PyTorch after.
        self.count += 1
        epsilon_hat = 1e-8 / math.sqrt(1 - 0.999**self.count)
        self.optimizer.param_groups[0]["eps"] = epsilon_hat
        self.optimizer.step()
        return loss

    def _backward(self, epsilon: Tensor) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            loss = self.loss(self.grooves, epsilon)
        loss.backward()
        return loss

    def _autocast(self) -> Any:
        enabled = self.task.precision == "bfloat16"
        return torch.autocast(self.device, torch.bfloat16, enabled=enabled)

    def _to_device(self, array: Any) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def _write(
        self, embedding: Tensor, frame: Tensor, threshold: Tensor, frames: list
    ) -> Tensor:
        notes, output = self.model.notes, self.model.output
        h, c = _split(torch.tanh(self.model.notes_start(embedding)), notes)
        h, c = list(h.unbind()), list(c.unbind())
        bottom = notes.weight_ih_l0
        constant = F.linear(embedding, bottom[:, FRAME_DIM:], notes.bias_ih_l0)
        layers = range(notes.num_layers)
        inputs = [bottom[:, :FRAME_DIM].t()] + [
            getattr(notes, f"weight_ih_l{i}").t() for i in layers[1:]
        ]
        recurrent = [getattr(notes, f"weight_hh_l{i}").t() for i in layers]
        biases = [getattr(notes, f"bias_ih_l{i}") for i in layers]
        for now in threshold.unbind(1):
            hidden = frame
            for i in layers:
                start = constant if i == 0 else biases[i]
                gates = torch.addmm(start, hidden.to(start.dtype), inputs[i])
                gates = torch.addmm(gates, h[i], recurrent[i])
                into, forget, cell, out = gates.chunk(4, 1)
                c[i] = forget.sigmoid() * c[i] + into.sigmoid() * cell.tanh()
                h[i] = hidden = out.sigmoid() * c[i].tanh()
            logits, a, b = output(hidden).float().chunk(3, 1)
            frame = torch.cat([(logits > now).float(), a.sigmoid(), b.tanh()], 1)
            frames.append(frame)
        return frame


class TorchCompiled(TorchNative):
    """The same through `torch.compile`."""

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        self.loss = torch.compile(self.model.loss)


def _stack(inputs: int, units: tuple[int, ...]) -> nn.LSTM:
    return nn.LSTM(inputs, units[0], len(units), batch_first=True)


def _split(flat: Tensor, lstm: nn.LSTM) -> tuple[Tensor, Tensor]:
    """c0, h0, c1, h1... as (h, c), each (layers, batch, units)."""
    parts = flat.chunk(2 * lstm.num_layers, -1)
    return torch.stack(parts[1::2]), torch.stack(parts[0::2])


def _load(model: TorchMusicVAE, weights: Arrays) -> dict[str, nn.Parameter]:
    """Sets the weights; gives those that are trained by the names of `make_weights`."""
    trained = {}
    for name, value in weights.items():
        parameter = model.get_parameter(_torch_name(name))
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(value.T))
        trained[name] = parameter
    for name, parameter in model.named_parameters():
        if "bias_hh" in name:  # PyTorch's second bias: one is enough
            nn.init.zeros_(parameter)
            parameter.requires_grad_(False)
    return trained


def _torch_name(name: str) -> str:
    *parts, kind = name.split("/")
    if parts[0] == "encoder":
        suffix = "l0" + ("_reverse" if parts[1] == "backward" else "")
    elif len(parts) == 2 and parts[1].isdecimal():
        suffix = f"l{parts[1]}"
    else:
        return f"{'_'.join(parts)}.{'weight' if kind == 'kernel' else 'bias'}"
    kinds = {"kernel": "weight_ih", "recurrent_kernel": "weight_hh", "bias": "bias_ih"}
    return f"{parts[0]}.{kinds[kind]}_{suffix}"
