"""What every derivation works with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from slipway_contract.digest import sha256_of_json
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.data import Dataset, read_data
from slipway_optimizer.data.overlap import refuse_overlap
from slipway_optimizer.derive.checkpoint import TrainingCheckpoint
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.workshop import Workshop


@dataclass(frozen=True)
class Setting:
    """The original, and what it is asked.

    Attributes:
        shop: the spec, the sources and where to say what happens.
        original: the model as it came; the teacher.
        checks: a request at each size of each dynamic axis.
        judged: the evaluation data, which nothing may be trained on.
    """

    shop: Workshop
    original: LoadedModel
    checks: Sequence[Feeds]
    judged: Dataset | None

    @property
    def trained_output(self) -> int:
        """Which output is trained: the one that is judged."""
        named = self.shop.deployment.optimize.evaluate.output
        return self.shop.outputs.index(named) if named else 0

    @cached_property
    def expected(self) -> list[list[tuple[int, ...]]]:
        """The shapes of the outputs to each check."""
        return self.shapes(self.original)

    def shapes(self, model: LoadedModel) -> list[list[tuple[int, ...]]]:
        return [[output.shape for output in model.run(feeds)] for feeds in self.checks]

    def read(self, field: str) -> Dataset:
        """Data to train on, none of which is judged on.

        Raises:
            UserError: it cannot be read, or overlaps.
        """
        path = self.shop.inputs.path(field)
        if path is None:
            raise UserError(reasons.INVALID_SPEC, f"spec.{field} is missing.")
        data = read_data(path, self.shop.spec.inputs, "training")
        if self.judged is not None:
            refuse_overlap(self.judged, data, "training")
        return data

    def checkpoint(self, name: str) -> TrainingCheckpoint:
        """Where a training is kept. It is one of these very bytes, wherever they came from."""
        sources = {field: source.digest for field, source in self.shop.inputs.fetched.items()}
        return TrainingCheckpoint(self.shop.checkpoints, name, sha256_of_json(sources), self.scratch)

    @property
    def scratch(self) -> Path:
        folder = self.shop.folder / "derive"
        folder.mkdir(exist_ok=True)
        return folder
