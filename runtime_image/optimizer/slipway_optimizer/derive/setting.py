"""What every derivation works with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from slipway_contract.digest import sha256_of_json
from slipway_optimizer import reasons
from slipway_optimizer.arrays import Feeds
from slipway_optimizer.data import Dataset, read_data
from slipway_optimizer.data.columns import Column
from slipway_optimizer.data.layout import row_layout
from slipway_optimizer.data.overlap import refuse_overlap
from slipway_optimizer.derive.checkpoint import TrainingCheckpoint
from slipway_optimizer.derive.teacher import ask
from slipway_optimizer.errors import UserError
from slipway_optimizer.formats.loaded import LoadedModel
from slipway_optimizer.progress import Stage
from slipway_optimizer.workshop import Workshop

# Shape and dtype.
Form = tuple[tuple[int, ...], str]


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
    _answers: dict[str, Column] = field(default_factory=dict, repr=False)

    @property
    def trained_output(self) -> int:
        """Which output is trained: the one that is judged."""
        named = self.shop.deployment.optimize.evaluate.output
        return self.shop.outputs.index(named) if named else 0

    @property
    def has_rows(self) -> bool:
        """Whether a request holds rows, so that outputs have them first."""
        return any(axis is not None for axis in row_layout(self.shop.spec.inputs).axes.values())

    @cached_property
    def expected(self) -> list[list[Form]]:
        """The forms of the outputs to each check."""
        return self.forms(self.original)

    def forms(self, model: LoadedModel) -> list[list[Form]]:
        return [[(output.shape, str(output.dtype)) for output in model.run(feeds)] for feeds in self.checks]

    def read(self, source: str) -> Dataset:
        """Data to train on, none of which is judged on.

        Raises:
            UserError: it cannot be read, or overlaps.
        """
        path = self.shop.inputs.path(source)
        if path is None:
            raise UserError(reasons.INVALID_SPEC, f"spec.{source} is missing.")
        data = read_data(path, self.shop.spec.inputs, "training")
        if self.judged is not None:
            refuse_overlap(self.judged, data, "training")
        return data

    def answers(self, source: str, data: Dataset, stage: Stage) -> Column:
        """What the original answers to every row of a source, asked once for all who learn from the same bytes.

        Raises:
            UserError: no model can be trained on its answers.
        """

        def on_rows(done: int) -> None:
            message = f"Asking the original about {data.rows:,} rows"
            self.shop.progress.report(stage, message, 0.1 * done / data.rows)

        digest = self.shop.inputs.fetched[source].digest
        if digest not in self._answers:
            name = self.shop.outputs[self.trained_output]
            self._answers[digest] = ask(self.original.run, data, self.trained_output, name, on_rows)
        return self._answers[digest]

    def checkpoint(self, name: str) -> TrainingCheckpoint:
        """Where a training is kept. It is one of these very bytes, wherever they came from."""
        sources = {name: fetched.digest for name, fetched in self.shop.inputs.fetched.items()}
        return TrainingCheckpoint(self.shop.checkpoints, name, sha256_of_json(sources), self.scratch)

    @property
    def scratch(self) -> Path:
        folder = self.shop.folder / "derive"
        folder.mkdir(exist_ok=True)
        return folder
