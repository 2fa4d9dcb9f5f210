# SPDX-License-Identifier: Apache-2.0
"""The texts of diagnoses: one YAML file beside each module of rules, read strictly."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from .. import yamlfile
from ..model import ConformError
from .model import Cause, Rule, Text

_KEYS = ("title", "says", "clause", "sources", "causes", "sure", "after", "advisory")


def id_of(rule: Rule) -> str:
    """The diagnosis' id: the function's name with dashes."""
    return str(getattr(rule, "__name__")).replace("_", "-")


def load(modules: Sequence[ModuleType]) -> dict[str, Text]:
    """The text of every rule; ConformError when a rule has none or a text no rule."""
    found: dict[str, Text] = {}
    for module in modules:
        path = Path(str(module.__file__)).with_suffix(".yaml")
        whole = yamlfile.load(path, path.parents[2])
        rules = {id_of(rule) for rule in module.RULES}
        for key in whole:
            if key not in rules:
                raise ConformError(f"'{key}' is no rule of {module.__name__}", whole.where(key),
                                   yamlfile.did_you_mean(key, rules))
        lacking = sorted(rules - set(whole))
        if lacking:
            raise ConformError(f"no text for the rule '{lacking[0]}'", whole.where(), "Add it, with title, says, clause and causes.")
        found |= {key: _text(key, whole.section(key, "a diagnosis")) for key in whole}
    _refuse_unknown(found)
    return found


def _text(name: str, section: yamlfile.Section) -> Text:
    section.only(_KEYS, "a diagnosis")
    causes = tuple(_cause(one) for one in section.sections("causes", "a list of causes, each with its check", []))
    advisory = section.take("advisory", bool, "true or false", False)
    if not causes and not advisory:
        raise ConformError(f"'{name}' has no causes", section.where(), "Name at least one, and how to check it.")
    return Text(name, section.text("title", "a few words"), section.text("says", "a sentence"),
                section.text("clause", "the section of a document"),
                tuple(section.texts("sources", "ids of captures/sources.yaml", [])), causes,
                section.text("sure", "what a capture must hold for certainty", ""),
                tuple(section.texts("after", "ids of diagnoses", [])), advisory, section.where())


def _cause(section: yamlfile.Section) -> Cause:
    section.only(("cause", "check"), "a cause")
    return Cause(section.text("cause", "a sentence"), section.text("check", "a command or a place to look"))


def _refuse_unknown(texts: Mapping[str, Text]) -> None:
    for text in texts.values():
        for other in text.after:
            if other not in texts:
                raise ConformError(f"'{text.id}' comes after '{other}', which is no diagnosis", text.where,
                                   yamlfile.did_you_mean(other, texts))
