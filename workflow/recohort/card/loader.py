"""Reads a study card, puts the assumptions in, and checks that its parts know each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from recohort.card.design import check_design
from recohort.card.document import Document, Place, read_document
from recohort.card.explain import explained
from recohort.card.references import check_references
from recohort.card.study import StudyCard
from recohort.card.wording import choices, shown

__all__ = ["CardFile", "Setting", "load_card"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One way of filling in what the paper leaves open: assumption id to alternative (0: value)."""

    choices: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """A short stable name: ``base``, or the assumptions that differ from the card's value."""
        return ", ".join(f"{key}={index}" for key, index in self.choices if index) or "base"

    def choice(self, assumption: str) -> int:
        """Which alternative is taken for an assumption."""
        return dict(self.choices).get(assumption, 0)


class CardFile:
    """A study card's file: the same card under each setting of its assumptions."""

    def __init__(self, document: Document, sha256: str) -> None:
        self.document = document
        self.sha256 = sha256

    @property
    def path(self) -> str:
        """The file's name as it was given."""
        return self.document.file

    @cached_property
    def base(self) -> StudyCard:
        """The card with each assumption at its value."""
        return self.card(Setting())

    def card(self, setting: Setting) -> StudyCard:
        """The card under a setting of its assumptions.

        Raises:
            CardError: the card is not valid under this setting.
        """
        document = self.document
        places: dict[Place, Place] = {}
        tree = self._filled(document.tree, (), (), setting, places)
        try:
            card = StudyCard.model_validate(tree)
        except ValidationError as problem:
            first = problem.errors(include_url=False)[0]
            place, found, expected = explained(first, tree, StudyCard)
            raise document.error(_written(place, places), found, expected) from None
        trouble = check_references(card) or check_design(card)
        if trouble is not None:
            place, found, expected = trouble
            raise document.error(_written(place, places), found, expected)
        return card

    @cached_property
    def single_changes(self) -> tuple[Setting, ...]:
        """The base setting, then each alternative of each assumption on its own."""
        changed = [
            Setting(((name, index),))
            for name, assumption in self.base.assumptions.items()
            for index in range(1, len(assumption.alternatives) + 1)
        ]
        return (Setting(), *changed)

    def setting(self, name: str) -> Setting:
        """The setting of a name: ``base``, or choices such as ``split=1, test=2``.

        Raises:
            ValueError: the card has no such assumption or alternative.
        """
        choices = []
        for part in () if name == Setting().name else name.split(", "):
            assumption, _, index = part.partition("=")
            known = self.base.assumptions.get(assumption)
            if (
                known is None
                or not index.isdigit()
                or not 1 <= int(index) <= len(known.alternatives)
            ):
                raise ValueError(f"found {name!r}; expected a setting of the card's assumptions")
            choices.append((assumption, int(index)))
        return Setting(tuple(choices))

    @cached_property
    def uses(self) -> dict[str, tuple[Place, ...]]:
        """Where each assumption is used."""
        found: dict[str, list[Place]] = {}

        def walk(node: Any, place: Place) -> None:
            if isinstance(node, dict):
                if set(node) == {"assume"} and isinstance(node["assume"], str):
                    found.setdefault(node["assume"], []).append(place)
                for key, value in node.items():
                    walk(value, (*place, key))
            elif isinstance(node, list):
                for index, value in enumerate(node):
                    walk(value, (*place, index))

        walk({k: v for k, v in self.document.tree.items() if k != "assumptions"}, ())
        return {name: tuple(places) for name, places in found.items()}

    def _filled(
        self,
        node: Any,
        place: Place,
        written: Place,
        setting: Setting,
        places: dict[Place, Place],
    ) -> Any:
        """The tree with ``{assume: id}`` replaced; ``places`` maps it back to what is written."""
        places[place] = written
        if isinstance(node, list):
            return [
                self._filled(item, (*place, index), (*written, index), setting, places)
                for index, item in enumerate(node)
            ]
        if not isinstance(node, dict):
            return node
        if set(node) == {"assume"} and place[:1] != ("assumptions",):
            if written[:1] == ("assumptions",):
                raise self.document.error(
                    written, "an assumption within an assumption", "its value written out"
                )
            source, value = self._chosen(node["assume"], written, setting)
            return self._filled(value, place, source, setting, places)
        return {
            key: self._filled(value, (*place, key), (*written, key), setting, places)
            if place or key != "assumptions"
            else value
            for key, value in node.items()
        }

    def _chosen(self, name: Any, written: Place, setting: Setting) -> tuple[Place, Any]:
        assumptions = self.document.tree.get("assumptions", {})
        if not isinstance(name, str) or not isinstance(assumptions, dict):
            raise self.document.error(written, shown(name), "the id of an assumption")
        entry = assumptions.get(name)
        if not isinstance(entry, dict) or "value" not in entry:
            raise self.document.error(
                (*written, "assume"), shown(name),
                f"the id of an assumption with a value (there are: {choices(assumptions, name)})",
            )  # fmt: skip
        index = setting.choice(name)
        if index == 0:
            return ("assumptions", name, "value"), entry["value"]
        alternatives = entry.get("alternatives", [])
        if not isinstance(alternatives, list) or index > len(alternatives):
            raise self.document.error(
                ("assumptions", name), f"alternative {index}", f"one of {len(alternatives)}"
            )
        return ("assumptions", name, "alternatives", index - 1), alternatives[index - 1]


def _written(place: Place, places: dict[Place, Place]) -> Place:
    """Where a part of the filled tree is written in the document."""
    inner = place
    while inner and inner not in places:
        inner = inner[:-1]
    return (*places.get(inner, ()), *place[len(inner) :])


def load_card(path: Path | str) -> CardFile:
    """Read a study card and check it under every alternative of every assumption.

    Raises:
        CardError: with the file, line, field, what was found and what was expected.
    """
    path = Path(path)
    document = read_document(path)
    card_file = CardFile(document, hashlib.sha256(path.read_bytes()).hexdigest())
    for setting in card_file.single_changes:
        card_file.card(setting)
    unused = [name for name in card_file.base.assumptions if name not in card_file.uses]
    if unused:
        raise document.error(
            ("assumptions", unused[0]), "an assumption that nothing uses",
            f"{{assume: {unused[0]}}} somewhere in the card",
        )  # fmt: skip
    if card_file.base.study != path.stem:
        raise document.error(
            ("study",), f"'{card_file.base.study}'", f"'{path.stem}', the name of the file"
        )
    return card_file
