"""A student for the digit CNN: (n, 1, 28, 28) float32 in 0..1 -> (n, 10) logits, with a tenth of its parameters.

Its strides shrink the picture from the first layer on, where the original spends its time at full size.
"""

from torch import Tensor, nn


def shrink(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Half as high and half as wide."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2), nn.ReLU())


class SmallCNN(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(shrink(1, width, 5), shrink(width, 2 * width, 3), shrink(2 * width, 2 * width, 3))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(2 * width * 16, 10))

    def forward(self, image: Tensor) -> Tensor:
        return self.classifier(self.features(image))
