# SPDX-License-Identifier: Apache-2.0
"""Scenario files to scenarios, scenarios to cases. Everything is checked before anything runs."""
from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import covering, patterns, settings, verbs
from .model import SIDES, Case, ConformError, Scenario, Skipped
from .yamlfile import Items, Section, did_you_mean, load

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_AXIS = re.compile(r"[a-z][a-z0-9-]*")
_VALUE = re.compile(r"[A-Za-z0-9._/+-]+")
_KEYS = ("id", "title", "clause", "level", "severity", "needs", "isolate", "settings", "vary", "skip",
         "observe-only", "play")
# Names that every play may use beside the parameters.
ALWAYS = ("subject", "mechanism")
Axes = dict[str, Section]


@dataclass(frozen=True)
class Suite:
    """Every scenario, every case in order, and the points that scenarios leave out."""

    scenarios: tuple[Scenario, ...]
    cases: tuple[Case, ...]
    skipped: tuple[Skipped, ...]


def load_suite(folder: Path, root: Path, also: Sequence[Path] = ()) -> Suite:
    """All scenario files of a folder. `also`: files that hold what is expected of their scenarios, too."""
    files = sorted(folder.rglob("*.yaml"))
    if not files:
        raise ConformError(f"no scenario file in {folder}", "", "Scenarios are *.yaml files; is this a whole checkout?")
    common_file = folder / "axes.yaml"
    common = _load_axes(load(common_file, root).only(("axes",), "axes.yaml")) if common_file.exists() else {}
    scenarios: dict[str, Scenario] = {}
    cases: list[Case] = []
    skipped: list[Skipped] = []
    for file in [*files, *also]:
        if file == common_file:
            continue
        beside = ("sources", "records") if file in also else ()
        top = load(file, root).only(("axes", "scenarios", *beside), "a scenario file")
        axes = common | _load_axes(top)
        for section in top.sections("scenarios", "a list of scenarios"):
            scenario = _scenario(section, axes)
            if scenario.id in scenarios:
                raise ConformError(f"duplicate scenario id '{scenario.id}', first at {scenarios[scenario.id].source}",
                                   section.where("id"), "Ids are never reused; choose another.")
            scenarios[scenario.id] = scenario
            here, left_out = _expand(scenario, section)
            cases += here
            skipped += left_out
    return Suite(tuple(scenarios.values()), tuple(cases), tuple(skipped))


def _load_axes(top: Section) -> Axes:
    found: Axes = {}
    for name, axis in top.section("axes", "a mapping of axes").items():
        if not isinstance(axis, Section) or not axis:
            raise ConformError(f"axis '{name}' has no values", top["axes"].where(name), "Write {value: {patch}, ...}.")
        _check_axis(name, axis, top["axes"].where(name))
        found[name] = axis
    return found


def _check_axis(name: str, axis: Section, where: str) -> None:
    if not _AXIS.fullmatch(name):
        raise ConformError(f"'{name}' is no axis name", where, "Use small letters, digits and hyphens.")
    for value, patch in axis.items():
        if not _VALUE.fullmatch(value):
            raise ConformError(f"'{value}' is no axis value", axis.where(value),
                               "Use letters, digits and . _ / + - only, as it becomes part of case ids.")
        if patch is not None and not isinstance(patch, Section):
            raise ConformError(f"value '{value}' of axis '{name}' is no patch", axis.where(value),
                               "Write {setting: value}, or {} for none.")
        settings.check_patch(_patch(axis, value))


def _patch(axis: Section, value: str) -> Section:
    return axis[value] if axis[value] is not None else Section(axis.file, axis.lines[value])


def _scenario(section: Section, known: Axes) -> Scenario:
    section.only(_KEYS, "a scenario")
    name = section.text("id", "a short name")
    if not _ID.fullmatch(name):
        raise ConformError(f"'{name}' is no scenario id", section.where("id"), "Use small letters, digits and hyphens.")
    needs = section.texts("needs", "a list of features", [])
    for need in needs:
        if need not in settings.NEEDS:
            raise ConformError(f"unknown feature '{need}' in needs", section.where("needs"),
                               did_you_mean(need, settings.NEEDS))
    patch = section.section("settings", "a mapping of settings")
    settings.check_patch(patch)
    play = section.take("play", list, "a list of steps")
    if not play:
        raise ConformError("'play' is empty", section.where("play"), "Write at least [establish].")
    return Scenario(
        id=name,
        title=section.text("title", "a sentence that states the requirement"),
        clause=tuple(section.texts("clause", "a list of clauses")),
        level=section.choice("level", ("must", "should", "may")),
        severity=section.choice("severity", ("high", "medium", "low")),
        needs=frozenset(needs),
        isolate=section.choice("isolate", ("none", "probe", "realm"), "none"),
        settings=patch,
        axes={axis: _axis(axis, value, section, known)
              for axis, value in section.section("vary", "a mapping of axes").items()},
        play=tuple(settings.unmarked(play)),
        source=section.where(),
        skip=tuple(_skips(section)),
        observe_only=section.text("observe-only", "the reason why no capture judges it", ""),
        covering=any(isinstance(value, Section) and "covering" in value for value in section.get("vary", {}).values()),
    )


def _axis(name: str, value: Any, section: Section, known: Axes) -> Mapping[str, Mapping[str, Any]]:
    where = section["vary"].where(name)
    if isinstance(value, Section) and "covering" in value:
        return covering.axis(value)
    only = without = None
    if isinstance(value, Section) and "ref" in value:
        value.only(("ref", "only", "except"), "a reference to an axis")
        only = value.texts("only", "a list of axis values", None)
        without = value.texts("except", "a list of axis values", None)
        reference: Any = value["ref"]
    else:
        reference = value
    if isinstance(reference, str) and reference.startswith("$"):
        if reference[1:] not in known:
            raise ConformError(f"unknown axis '{reference}'", where,
                               did_you_mean(reference[1:], known) + " Common axes are in scenarios/axes.yaml.")
        axis = known[reference[1:]]
    elif isinstance(reference, Section) and reference:
        axis = reference
    else:
        raise ConformError(f"axis '{name}' has no values", where, "Write {value: {patch}, ...} or $name.")
    _check_axis(name, axis, where)
    for one in [*(only or ()), *(without or ())]:
        if one not in axis:
            raise ConformError(f"'{one}' is no value of {reference}", where, did_you_mean(one, axis))
    chosen = {one: _patch(axis, one) for one in axis if (only is None or one in only) and one not in (without or ())}
    if not chosen:
        raise ConformError(f"nothing is left of axis '{name}'", where, "Take a value out of except, or add one to only.")
    return chosen


def _skips(section: Section) -> Iterator[tuple[str, str]]:
    for entry in section.sections("skip", "a list of {case, reason}", []):
        entry.only(("case", "reason"), "an entry of skip")
        text = entry.text("case", "a pattern over the axes")
        patterns.parse_at(text, entry.where("case"))
        yield text, entry.text("reason", "a sentence why the point is impossible")


def _expand(scenario: Scenario, section: Section) -> tuple[list[Case], list[Skipped]]:
    cases: list[Case] = []
    skipped: list[Skipped] = []
    skips = [(patterns.parse(text), reason) for text, reason in scenario.skip]
    used = set()
    for values in itertools.product(*scenario.axes.values()):
        axes = dict(zip(scenario.axes, values, strict=True))
        dotted = settings.apply(settings.defaults(), scenario.settings)
        for axis, value in axes.items():
            dotted = settings.apply(dotted, scenario.axes[axis][value])
        name = scenario.id + (f"[{','.join(f'{axis}={value}' for axis, value in axes.items())}]" if axes else "")
        point = patterns.implied(settings.nested(dotted)) | axes
        hit = next((index for index, (pattern, _) in enumerate(skips)
                    if pattern.matches_point(scenario.id, point)), None)
        if hit is not None:
            used.add(hit)
            skipped.append(Skipped(name, skips[hit][1], scenario.source))
            continue
        cases.append(_case(scenario, section, name, axes, dotted))
    for index, (pattern, _) in enumerate(skips):
        if index not in used:
            raise ConformError(f"skip '{pattern.text}' leaves nothing out", section.where("skip"),
                               "Remove it, or correct the pattern.")
    if not cases:
        raise ConformError(f"scenario '{scenario.id}' has no case left", section.where("skip"), "Skip less.")
    _check_parameters_used(scenario, section)
    return cases, skipped


def _case(scenario: Scenario, section: Section, name: str, axes: Mapping[str, str], dotted: Mapping[str, Any]) -> Case:
    values = settings.nested(dotted)
    _check_names(scenario, section, name, axes, values)
    subject = values["subject"]
    counterpart = SIDES[1 - SIDES.index(subject)]
    if values[subject]["misbehave"] and not values[counterpart]["misbehave"]:
        raise ConformError(f"case '{name}': the subject's side ({subject}) misbehaves", section.where(),
                           "Only the counterpart may misbehave; the subject is the implementation under test.")
    values[subject]["misbehave"] = {}  # said of both sides, as the subject is an axis
    parameters = values["parameters"] | {name: values[name] for name in ALWAYS}
    play = []
    for position, step in enumerate(scenario.play):
        where = section["play"].where(position) if isinstance(section["play"], Items) else section.where("play")
        for one in verbs.names_in(step):
            if one not in parameters and one not in verbs.LIVE_NAMES:
                raise ConformError(f"case '{name}': nothing sets ${one}", where,
                                   did_you_mean(one, [*parameters, *verbs.LIVE_NAMES]))
        step = verbs.fill(step, parameters)
        complaint = verbs.check(step)
        if complaint:
            raise ConformError(complaint[0], where, complaint[1])
        if verbs.verb_of(step) == "world" and scenario.isolate != "realm":
            raise ConformError("'world' changes the realm for every other case", where,
                               "Add isolate: realm, so that the scenario gets a realm of its own.")
        play.append(step)
    return Case(name, scenario, axes, values, tuple(play), subject, values["mechanism"],
                scenario.needs | settings.implied_needs(values), scenario.isolate)


def _check_parameters_used(scenario: Scenario, section: Section) -> None:
    used = set(verbs.names_in(scenario.play))
    patches = [section.section("settings", ""), *(patch for axis in scenario.axes.values() for patch in axis.values())]
    for patch in patches:
        for key in patch:
            name = key.removeprefix("parameters.")
            if name != key and name not in used:
                where = patch.where(key) if isinstance(patch, Section) else section.where()
                raise ConformError(f"parameter '{name}' is used nowhere in play", where, f"Write ${name} in a step.")


def _check_names(scenario: Scenario, section: Section, name: str, axes: Mapping[str, str],
                 values: Mapping[str, Any]) -> None:
    """A name that says NTLM, Kerberos or Negotiate must mean it."""
    said = [(f"axis value '{axis}={value}'", value) for axis, value in axes.items()]
    said.append((f"id '{scenario.id}'", scenario.id.title()))
    packages = {values["package"], *(values[side]["package"] for side in SIDES)}
    for what, text in said:
        words = {word.lower() for word in re.split(r"[^A-Za-z]+", text)}
        mechanisms = [one for one in settings.MECHANISMS if one.lower() in words]
        if len(mechanisms) == 1 and values["mechanism"] not in mechanisms:
            raise ConformError(f"case '{name}': {what} says {mechanisms[0]}, but its mechanism is "
                               f"{values['mechanism']}", section.where(),
                               f"Rename it, or set mechanism: {mechanisms[0]}.")
        if "negotiate" in words and "Negotiate" not in packages:
            raise ConformError(f"case '{name}': {what} says Negotiate, but its package is {values['package']}",
                               section.where(), "Rename it, or set package: Negotiate.")
