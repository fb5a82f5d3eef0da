"""Silero VAD at 16 kHz for its published weights; the state goes in and comes out."""

import torch
from torch import nn


class SileroVad(nn.Module):
    """Audio (batch, 576) and state (2, batch, 128) to the probability of speech (batch, 1) and the next state."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, kernel_size=256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, kernel_size=3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, kernel_size=3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, kernel_size=3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, kernel_size=1)

    def forward(self, audio: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        padded = nn.functional.pad(audio, (0, 64), "reflect").unsqueeze(1)
        spectrum = self.stft_conv(padded)
        real, imaginary = spectrum[:, :129], spectrum[:, 129:]
        x = torch.sqrt(real**2 + imaginary**2)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = torch.relu(layer(x))
        hidden, cell = self.lstm_cell(x.squeeze(-1), (state[0], state[1]))
        probability = torch.sigmoid(self.final_conv(torch.relu(hidden).unsqueeze(-1)))
        return probability.squeeze(1).mean(dim=1, keepdim=True), torch.stack([hidden, cell])
