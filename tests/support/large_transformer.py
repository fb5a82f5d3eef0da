"""A transformer of any size, as a user would write it: ids (batch, time) int64 -> hidden (batch, time, width)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 8
VOCABULARY = 1000


class Block(nn.Module):
    """Attention and feed-forward, 12 * width ** 2 weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.before_feed_forward = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        batch, time, width = hidden.shape
        mixed = self.queries_keys_values(self.before_attention(hidden))
        query, key, value = mixed.view(batch, time, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        hidden = hidden + self.projection(attended.transpose(1, 2).reshape(batch, time, width))
        return hidden + self.narrow(functional.gelu(self.widen(self.before_feed_forward(hidden))))


class LargeTransformer(nn.Module):
    """`layers` blocks over an embedding of ids."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.embedding(ids)
        for block in self.blocks:
            hidden = block(hidden)
        return self.norm(hidden)


def save_random_weights(path: str, width: int, layers: int) -> None:
    """Write a state dict with random weights."""
    torch.manual_seed(0)
    torch.save(LargeTransformer(width, layers).state_dict(), path)
