"""One picture: from a file that somebody sent to the pixels that the input has room for."""

from dataclasses import dataclass
from typing import IO, Final

import numpy as np
from PIL import Image as Pillow

from slipway_optimizer.arrays import Array
from slipway_optimizer.data.problem import DataProblemError
from slipway_optimizer.errors import first_line
from slipway_optimizer.spec import Image, Input

# Plain pictures: Pillow also reads formats that are programs, and runs an interpreter for them.
FORMATS: Final = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
MOST_PIXELS: Final = 64_000_000
GRAY: Final = 1


@dataclass(frozen=True)
class PictureInput:
    """An input that takes pictures, by its declared preprocessing."""

    tensor: Input
    image: Image

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        first, second, third = (int(size) for size in self.tensor.shape[1:])
        return (second, third, first) if self.image.layout == "NCHW" else (first, second, third)

    def pixels(self, file: IO[bytes], name: str) -> Array:
        """Decode, resize and crop: uint8 (height, width, channels).

        Raises:
            DataProblemError: it is no picture, or one that would not fit memory.
        """
        height, width, channels = self.size
        try:
            with Pillow.open(file, formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    message = f"{name} has {picture.width} x {picture.height} pixels: at most {MOST_PIXELS:,} are read"
                    raise DataProblemError(message)
                plain = picture.convert("L" if channels == GRAY else "RGB")
        except (DataProblemError, MemoryError):
            raise
        except Exception as error:
            # What Pillow's decoders raise for broken files is not one family.
            message = f"{name} is no picture ({first_line(error)}); {', '.join(FORMATS)} are read"
            raise DataProblemError(message) from error
        covered = self._covering(plain, height, width)
        left, top = round((covered.width - width) / 2), round((covered.height - height) / 2)
        cropped = covered.crop((left, top, left + width, top + height))
        return np.asarray(cropped).reshape(height, width, channels)

    def _covering(self, picture: Pillow.Image, height: int, width: int) -> Pillow.Image:
        """Bilinear and antialiased, its sides in proportion, as torchvision's Resize does it."""
        wanted = (round(width / self.image.crop), round(height / self.image.crop))
        ratios = (wanted[0] / picture.width, wanted[1] / picture.height)
        scale = max(ratios)
        sizes = [
            want if ratio == scale else max(want, int(size * scale))
            for want, ratio, size in zip(wanted, ratios, picture.size, strict=True)
        ]
        return picture.resize((sizes[0], sizes[1]), Pillow.Resampling.BILINEAR)

    def values(self, pixels: Array) -> Array:
        """What the model takes, rows first, from uint8 (rows, height, width, channels)."""
        image = self.image
        dtype = np.dtype(self.tensor.dtype)
        if dtype.kind == "f":
            scaled = pixels.astype(np.float32)
            # A division, as everybody does it: the product with 1 / 255 is not the same number.
            scaled = scaled / np.float32(255) if image.scale is None else scaled * np.float32(image.scale)
            scaled -= np.array(image.mean or 0.0, np.float32)
            scaled /= np.array(image.std or 1.0, np.float32)
        else:
            scaled = pixels
        ordered = np.moveaxis(scaled, -1, 1) if image.layout == "NCHW" else scaled
        return ordered.astype(dtype)


@dataclass(frozen=True)
class PictureRows:
    """A column of pictures, kept as small as bytes are."""

    pixels: Array
    input: PictureInput

    def __len__(self) -> int:
        return len(self.pixels)

    def shapes(self) -> Array | None:
        return None

    def take(self, rows: Array) -> Array:
        return self.input.values(np.asarray(self.pixels[rows]))
