"""The settings of the judge. What asks a model or a classifier is imported only where one is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from .settings_part import Part, PlacedPath, Seconds, Share

if TYPE_CHECKING:
    from .judging import Judges, Member, ResultScan

Narrowed = Literal["ask", "forbid"]
Detected = Literal["ask", "forbid", "off"]


class Detectors(Part):
    """What each detector makes of a call in which it finds something; `off` does not look."""

    secrets: Detected = Field(default="forbid", description="Credentials: keys, tokens, passwords in URLs.")
    personal: Detected = Field(default="ask", description="Numbers of people and accounts, by their checksums.")
    commands: Detected = Field(default="ask", description="Shell and paths: what wipes, hides, lasts or reaches out.")
    addresses: Detected = Field(default="ask", description="URLs: inside addresses, collectors, lookalike hosts.")
    hidden: Detected = Field(default="forbid", description="Characters that nobody sees.")
    markers: Detected = Field(default="ask", description="Words that speak to a model from among data.")


class AskedModel(Part):
    """A model that is asked about each call (extra `llm`). Off unless there is a `model`."""

    model: str | None = Field(default=None, description="The model, as litellm names it.")
    base_url: str | None = Field(default=None, description="The model's server, where it is one of your own.")
    seconds: Seconds = Field(default=10.0, description="Seconds for an answer; later ones count as no answer.")
    at_once: int = Field(default=8, ge=1, le=256, description="Calls that are put to it at a time.")
    narrows_to: Narrowed = Field(
        default="forbid", description="The most it may make of a call; what no answer counts as."
    )


class AskedClassifier(Part):
    """A text classifier on this machine (extra `judge`). Off unless there is a `folder`."""

    folder: PlacedPath | None = Field(default=None, description="Folder of a sequence classifier, with safetensors.")
    labels: Mapping[str, Narrowed] = Field(default={}, description="Its labels that speak against a call.")
    least: Share = Field(default=0.5, description="Probability from which on a label counts.")
    seconds: Seconds = Field(default=5.0, description="Seconds for an answer; later ones count as no answer.")


class ScannedResults(Part):
    """What tools answer is looked into, and a session that is told something suspicious carries a label."""

    detectors: tuple[Literal["secrets", "personal", "commands", "addresses", "hidden", "markers"], ...] = Field(
        default=("hidden", "markers"), description="The detectors that look; empty for none."
    )
    label: str = Field(default="suspicious", pattern="^[a-z][a-z0-9-]{0,63}$", description="Name of the label.")
    then: Detected = Field(default="ask", description="What the judge makes of every later call of such a session.")


class JudgeSettings(Part):
    """The judge: asked about calls that a rule grants `subject to judge` (docs/judge.md)."""

    detectors: Detectors = Field(default=Detectors(), description=(Detectors.__doc__ or ""))
    results: ScannedResults = Field(default=ScannedResults(), description=(ScannedResults.__doc__ or ""))
    model: AskedModel = Field(default=AskedModel(), description=(AskedModel.__doc__ or ""))
    classifier: AskedClassifier = Field(default=AskedClassifier(), description=(AskedClassifier.__doc__ or ""))
    precedents: int = Field(default=4, ge=0, le=32, description="Earlier cases from memory that the model is shown.")

    def judges(self) -> Judges:
        """The judge of a gate, ready to be asked. Raises NoLibrary (server.asking) or NoClassifier."""
        from .judging import DetectorJudge, Judges

        looking: dict[str, Narrowed] = {
            name: effect for name in Detectors.model_fields if (effect := getattr(self.detectors, name)) != "off"
        }
        labels: dict[str, Narrowed] = {} if self.results.then == "off" else {self.results.label: self.results.then}
        members: list[Member] = [DetectorJudge(looking, labels)] if looking or labels else []
        if self.model.model is not None:
            from .asking import Asked
            from .judging.model import ModelJudge

            asked = Asked(self.model.model, self.model.base_url, self.model.seconds)
            judge = ModelJudge(asked, self.model.seconds, self.model.narrows_to, self.model.at_once)
            judge.load()
            members.append(judge)
        if self.classifier.folder is not None:
            from .judging.classifier import Classifier

            set_up = self.classifier
            members.append(Classifier(self.classifier.folder, set_up.labels, set_up.least, set_up.seconds))
        return Judges(members)

    def scan(self) -> ResultScan | None:
        """What looks into results, None where nothing is to."""
        from .judging import ResultScan

        return ResultScan(self.results.detectors, self.results.label) if self.results.detectors else None
