"""Small PyTorch models that take, return or compute what an exporter finds hard."""

import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Layered(nn.Module):
    """x (batch, time, 4) -> (batch, time, 3); a recurrent layer of any kind."""

    def __init__(self, kind: str = "LSTM", **options: Any) -> None:
        super().__init__()
        self.layer = getattr(nn, kind)(4, 8, batch_first=True, **options)
        self.head = nn.Linear(self._width(options), 3)

    @staticmethod
    def _width(options: dict[str, Any]) -> int:
        return int(options.get("proj_size", 8)) * (2 if options.get("bidirectional") else 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0])


class Steps(nn.Module):
    """x (batch, 5, 4) -> (batch, 8); a cell, step by step over a size that is known."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.cell = getattr(nn, kind)(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return state[0] if isinstance(state, tuple) else state


def accumulate(x: Tensor, weight: Tensor) -> Tensor:
    """A loop over an axis, which only a script keeps."""
    state = torch.zeros_like(x[:, 0])
    for step in range(x.size(1)):
        state = torch.tanh(x[:, step] + state @ weight)
    return state


class ScriptedLoop(nn.Module):
    """x (batch, time, 4) -> (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self.accumulate = torch.jit.script(accumulate)

    def forward(self, x: Tensor) -> Tensor:
        return self.accumulate(x, self.weight)


class PlainLoop(ScriptedLoop):
    """The same, in Python: a trace would go through the example's steps, whatever comes later."""

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros_like(x[:, 0])
        for step in range(x.shape[1]):
            state = torch.tanh(x[:, step] + state @ self.weight)
        return state


class RareBranch(nn.Module):
    """Another way for large inputs, which no random request ever takes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) if x.abs().max() < 1000 else x


class Counter(nn.Module):
    """Counts its calls in a buffer, and says the number."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + self.calls


class Pair(NamedTuple):
    logits: Tensor
    hidden: Tensor


@dataclass
class Result:
    """Outputs as a dataclass, one of them absent."""

    hidden: Tensor
    logits: Tensor
    loss: Tensor | None = None


class ModelOutput(OrderedDict[str, Any]):
    """Outputs as transformers' models give them: a dataclass that is a dict."""

    def __init__(self, **values: Any) -> None:
        super().__init__({key: value for key, value in values.items() if value is not None})


class Returning(nn.Module):
    """x (batch, 4) -> logits (batch, 3) and hidden (batch, 8), in the container of one's choice."""

    def __init__(self, container: str) -> None:
        super().__init__()
        self.inner, self.head, self.container = nn.Linear(4, 8), nn.Linear(8, 3), container

    def forward(self, x: Tensor) -> Any:
        hidden = self.inner(x)
        logits = self.head(hidden)
        return {
            "tuple": lambda: (logits, hidden),
            "named tuple": lambda: Pair(logits, hidden),
            "dict": lambda: {"hidden": hidden, "logits": logits},
            "nested": lambda: (logits, {"aux": [hidden]}),
            "dataclass": lambda: Result(hidden, logits),
            "ModelOutput": lambda: ModelOutput(loss=None, hidden=hidden, logits=logits),
        }[self.container]()


class TakesTuple(nn.Module):
    """forward((x, y)); both (batch, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        x, y = inputs
        return self.linear(x - 2 * y)


class TakesDict(TakesTuple):
    """forward({"x": ..., "y": ...})."""

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:  # type: ignore[override]
        return self.linear(inputs["x"] - 2 * inputs["y"])


class TakesState(nn.Module):
    """forward(x, (hidden, cell)): a step of an LSTM whose state comes and goes; states are (1, batch, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 8, batch_first=True)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return self.lstm(x, state)


class Scaled(nn.Module):
    """x (batch, 4) and a scalar, by keyword only."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor, *, factor: Tensor) -> Tensor:
        return self.linear(x) * factor


class Attention(nn.Module):
    """ids and a mask (batch, time) -> (batch, 4), masked attention over a vocabulary of 50 in a table of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(50, 16))
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, ids: Tensor, padding_mask: Tensor) -> Tensor:
        hidden = nn.functional.embedding(ids, self.table)
        mixed, _ = self.attention(hidden, hidden, hidden, key_padding_mask=padding_mask, need_weights=False)
        kept = (~padding_mask).unsqueeze(-1)
        return self.head((mixed * kept).sum(1) / kept.sum(1))


class Segmenter(nn.Module):
    """image (batch, 3, height, width), sides a multiple of 4 -> a class for every pixel, and its scores, flattened."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1))
        self.up = nn.Upsample(scale_factor=4, mode="bilinear")
        self.head = nn.Conv2d(8, 5, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        if image.shape[2] % 4 or image.shape[3] % 4:
            raise ValueError("sides have to be multiples of 4")
        scores = self.head(self.up(self.down(image)))
        return scores.argmax(1), scores.permute(0, 2, 3, 1).reshape(-1, 5)


class EvenBatch(nn.Module):
    """Takes rows in pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] % 2:
            raise ValueError("rows have to come in pairs")
        return self.linear(x.reshape(-1, 8)).repeat_interleave(2, 0)


class Rounded(nn.Module):
    """Computes in a coarser dtype than it takes and returns."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(64, 64).to(dtype), nn.Linear(64, 8).to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(torch.tanh(self.inner(x.to(self.inner.weight.dtype)))).to(x.dtype)


class InsideBfloat16(nn.Module):
    """Takes and returns float32, and computes in bfloat16, which ONNX Runtime does not on a CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.linear.weight.to(torch.bfloat16)
        return torch.erf(x.to(torch.bfloat16) @ weight).float()
