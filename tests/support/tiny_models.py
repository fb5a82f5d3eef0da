"""Small PyTorch models, each with one property that an export can get wrong."""

from typing import Any

import torch
from torch import Tensor, nn


class Cnn(nn.Module):
    """image (b, 1, 8, 8) -> logits (b, 10)."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width * 64, 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image).flatten(1))


class Mlp(nn.Module):
    """x (b, 256) -> y (b, 8); two square layers in between, so that integers or halves pay or not."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.Linear(width, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Sentence(nn.Module):
    """attention_mask and input_ids (b, t) int64, by name and in another order -> a dict of two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.kinds = nn.Embedding(2, 16)
        self.head = nn.Linear(16, 3)

    def forward(
        self, input_ids: Tensor, kind: Tensor | None = None, attention_mask: Tensor | None = None
    ) -> dict[str, Any]:
        hidden = self.embedding(input_ids) + self.kinds(torch.zeros_like(input_ids) if kind is None else kind)
        weights = torch.ones_like(hidden[..., :1]) if attention_mask is None else attention_mask.unsqueeze(-1).float()
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        return {"hidden": hidden, "logits": self.head(pooled)}


class Recurrent(nn.Module):
    """x (b, t, 4) -> (y (b, 3), state (1, b, 8))."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 8, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden, (state, _) = self.lstm(x)
        return self.head(hidden[:, -1]), state


class Stateful(nn.Module):
    """Remembers the last call, which an export silently forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.state: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x)
        if self.state is not None:
            y = y + self.state.mean()
        self.state = y.detach()
        return y


class OneRow(nn.Module):
    """Flattens its batch away, so that one row works and more do not."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.reshape(4)).unsqueeze(0)


class FixedAtThree(nn.Module):
    """Takes any batch in eager mode; a traced example of three rows becomes a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        rows = int(torch.ones(x.shape[0]).sum()) if not torch.compiler.is_exporting() else 3
        return self.linear(x)[:rows]


class Branching(nn.Module):
    """Decides by its data, which cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return self.linear(x)
        return self.linear(-x)


class Unconvertible(nn.Module):
    """Uses an operator that ONNX has no counterpart for."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.svdvals(self.linear(x))


class Talkative(nn.Module):
    """Returns something that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, str]:
        return self.linear(x), "done"


class Identity(nn.Module):
    """Returns its input, and the same thing twice."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = x * self.scale
        return x, y, y


class Dividing(nn.Module):
    """Answers NaN to everything."""

    def __init__(self) -> None:
        super().__init__()
        self.zero = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.zero / self.zero


def not_a_model() -> str:
    return "weights"


def failing(width: int) -> nn.Module:
    raise ValueError(f"width {width} is odd")


def leaving() -> nn.Module:
    raise SystemExit(3)


NUMBER = 3
