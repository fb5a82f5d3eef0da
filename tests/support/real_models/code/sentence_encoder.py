"""MiniLM as a sentence encoder: mean over the tokens that the mask keeps, then unit length."""

import torch
from transformers import BertConfig, BertModel


class SentenceEncoder(BertModel):
    """(batch, tokens) int64 ids and mask to (batch, hidden) float32."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = super().forward(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1)


def build(**config: object) -> SentenceEncoder:
    model = SentenceEncoder(BertConfig(**config))
    # Checkpoints of that time hold the positions, too.
    positions = model.embeddings.position_ids
    model.embeddings.register_buffer("position_ids", positions, persistent=True)
    return model
