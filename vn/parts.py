"""The parts of a narrator that other packages can replace: loader of the base model, projector, and the narrator."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from vn.errors import InputError
from vn.llm.loaders import find_loader, loader_of
from vn.plugins import Extension, is_module_name, resolve

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from vn.llm.llama import Llama
    from vn.narrator import VideoNarrator
    from vn.settings import NarratorSettings

Part = Literal["base_model", "projector", "narrator"]

PARTS: tuple[Part, ...] = ("base_model", "projector", "narrator")  # fields of the settings and of the card
PROJECTORS = {"linear": "vn.visual.projector:Projector"}
NARRATORS = {"videonarrator": "vn.narrator:VideoNarrator"}


class ProjectorFactory(Protocol):
    """A projector: a class of modules; registered by a package as an entry point of the group ``vn.projectors``."""

    def __call__(self, width: int, hidden: int) -> nn.Module:
        """A module with parameters, from ``[V, T, D]`` to ``[V, T, H]``.

        Args:
            width: D of the frame features, which arrive standardised and with their clip positions.
            hidden: H of the language model.
        """
        ...


class NarratorFactory(Protocol):
    """A narrator: `VideoNarrator` or a subclass; registered as an entry point of the group ``vn.narrators``."""

    def __call__(
        self,
        llm: PreTrainedModel | PeftModel,
        width: int,
        mean: Tensor | None = None,
        std: Tensor | None = None,
        position: bool = True,
        projector: ProjectorFactory = ...,
    ) -> VideoNarrator:
        """A narrator; the arguments are those of `VideoNarrator`.

        All parameters beside the language model's are trained, and kept in the adapter folder.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the parts of a narrator are; nothing is imported yet.

    Attributes:
        base_model: loader of the base model; None if it is a folder, a file or a name on the hub.
        projector: the class of the projector.
        narrator: the class of the narrator.
    """

    base_model: Extension | None
    projector: Extension
    narrator: Extension

    def packages(self) -> dict[str, str]:
        """The packages that the parts are from, for the narrator's card; those built in are from none."""
        found = {part: getattr(self, part) for part in PARTS}
        return {part: each.package for part, each in found.items() if each is not None and each.package}

    @property
    def built_in(self) -> bool:
        """Whether none is another package's."""
        return self.base_model is None and self.projector.name in PROJECTORS and self.narrator.name in NARRATORS

    def build(
        self,
        llm: PreTrainedModel | PeftModel | Llama,
        width: int,
        statistics: tuple[Tensor, Tensor] | None,
        position: bool,
    ) -> VideoNarrator:
        """Build the narrator.

        Args:
            llm: the language model.
            width: D of the frame features.
            statistics: mean and standard deviation ``[D]`` that features are standardised with; None for not at all.
            position: whether the relative clip position is added.

        Raises:
            InputError: a part of another package cannot be imported or built, or is not what it should be.
        """
        from vn.narrator import VideoNarrator

        projector, narrator = self.projector.load(), self.narrator.load()
        try:
            mean, std = statistics or (None, None)
            built = narrator(llm, width, mean, std, position=position, projector=projector)
        except Exception as error:
            if (self.projector.name in PROJECTORS and self.narrator.name in NARRATORS) or isinstance(error, InputError):
                raise
            what = f"the narrator {self.narrator.name!r} with the projector {self.projector.name!r}"
            raise InputError(f"{what} cannot be built: {type(error).__name__}: {error}") from error
        if not isinstance(built, VideoNarrator):
            message = f"the narrator {self.narrator.name!r} is a {type(built).__name__}, not a VideoNarrator"
            raise InputError(message)
        return built


def find_parts(
    settings: NarratorSettings,
    *,
    packages: Mapping[str, Any] | None = None,
    imports: Collection[str] | None = None,
    file: Path | None = None,
    prefix: str = "",
) -> Parts:
    """Find the parts that settings or a card name.

    Args:
        settings: what names them.
        packages: the packages that a card says they are from.
        imports: each ``module:Name`` that may be imported; None for all, if this call names the parts.
        file: the file that names them; None if this call does.
        prefix: what is before the fields' names in messages.

    Raises:
        InputError: one is not installed, or may not be imported; with file, field and what to do.
    """

    def stored(part: Part) -> dict[str, Any]:
        package = (packages or {}).get(part)
        return {
            "allow_import": imports is None or _by_module(settings, part) in imports,
            "package": None if package is None else str(package),
            "file": file,
            "field": prefix + part,
        }

    return Parts(
        find_loader(settings.base_model, **stored("base_model")),
        resolve("projector", settings.projector, PROJECTORS, **stored("projector")),
        resolve("narrator", settings.narrator, NARRATORS, **stored("narrator")),
    )


def by_module(settings: NarratorSettings) -> dict[Part, str]:
    """The parts that settings name by a ``module:Name``."""
    found = {part: _by_module(settings, part) for part in PARTS}
    return {part: name for part, name in found.items() if name is not None}


def _by_module(settings: NarratorSettings, part: Part) -> str | None:
    return module_name(part, getattr(settings, part))


def module_name(part: Part, value: Any) -> str | None:
    """The ``module:Name`` that a setting is, or that a base model's name begins with; None if it has none."""
    if not isinstance(value, str):
        return None
    if part == "base_model":
        found = loader_of(value)
        value = found[0] if found else ""
    return value if is_module_name(value) else None
