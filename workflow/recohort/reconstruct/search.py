"""Looks for cohorts: one that prints everything it can, and many that print what is imposed.

The stored cohort aims at every reported value, under the card's own setting first and under the
alternatives after it: which choices can print the whole paper is a result of its own. Under each
setting conditioned cohorts aim at the imposed values only; the held-out ones fall where they fall.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from recohort.card.loader import CardFile, Setting
from recohort.card.statistic import Role, Statistic
from recohort.cohort import Cohort
from recohort.compare.dependence import Dependence
from recohort.reconstruct.blocked import blocked
from recohort.reconstruct.job import Job, Outcome, Purpose, Run, Shortfall, workers
from recohort.reconstruct.target import targets_of, unmet

__all__ = ["Conditioned", "Plan", "Reconstruction", "SettingResult", "Stored", "reconstruct"]

Progress = Callable[[str], None]

_FIRST_LOOK = 2
_ROUNDS = 3
_CHANCES = 6


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to look for. ``time_limit`` is in seconds; without one, only counts decide."""

    seed: int
    conditioned: int = 100
    threads: int = 1
    attempts: int = 10
    time_limit: float | None = None
    hold_out: tuple[str, ...] = ()
    """Reported values to hold out on top of the card's own."""

    def others(self) -> int:
        """How many conditioned cohorts each alternative gets."""
        return max(1, self.conditioned // 5) if self.conditioned else 0


@dataclass(frozen=True, slots=True)
class SettingResult:
    """What one setting of the assumptions can print: of the imposed values, and of all.

    ``conflicts`` are sets of which, under this setting, at least one value must give, by proof.
    """

    setting: Setting
    targets: int
    unmet: tuple[str, ...]
    matched: bool
    unmet_of_all: tuple[str, ...]
    conflicts: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Conditioned:
    """One conditioned cohort's estimates."""

    cohort: int
    setting: str
    estimates: dict[str, float]


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored cohort: what it prints of all reported values, and under which setting."""

    setting: Setting
    cohort: Cohort
    estimates: dict[str, float]
    unmet: tuple[str, ...]


@dataclass
class Reconstruction:
    """Everything that a search found, and what it cost."""

    stored: Stored
    settings: list[SettingResult]
    conditioned: list[Conditioned]
    requested: int
    cost: Counter[str] = field(default_factory=Counter)
    ended: str = "complete"


def reconstruct(
    card_file: CardFile,
    plan: Plan,
    impossible: Sequence[frozenset[str]] = (),
    progress: Progress = lambda _: None,
) -> Reconstruction:
    """Find the stored cohort and the conditioned ones.

    ``impossible`` holds the audit's proven conflict sets: of each, at least one value must stay
    unmet, which is then no failure of the search. A keyboard interrupt, like the time limit, ends
    the search with what it has; without any cohort yet, the interrupt is passed on.
    """
    with workers(plan.threads) as run:
        search = _Search(card_file, plan, tuple(impossible), run, progress)
        ended = "complete"
        try:
            search.look_for_everything()
            search.condition()
        except KeyboardInterrupt:
            if search.stored is None:
                raise
            ended = "interrupted"
    assert search.stored is not None
    if ended == "complete" and search.late:
        ended = "time limit"
    return Reconstruction(
        search.stored,
        list(search.settings.values()),
        search.conditioned,
        plan.conditioned,
        search.cost,
        ended,
    )


class _Search:
    """The state of one search: the best cohort so far, and what each setting was seen to print."""

    def __init__(
        self,
        card_file: CardFile,
        plan: Plan,
        impossible: tuple[frozenset[str], ...],
        run: Run,
        progress: Progress,
    ) -> None:
        self.card_file, self.plan, self.impossible = card_file, plan, impossible
        self.run, self.progress = run, progress
        self.stored: Stored | None = None
        self.settings: dict[Setting, SettingResult] = {}
        self.conditioned: list[Conditioned] = []
        self.cost: Counter[str] = Counter()
        card = card_file.base
        self.everything = targets_of(card, list(Role))
        self.ids = frozenset(value.id for value in card.values)
        held_out = {value.id for value in card.values if value.role is Role.HELD_OUT}
        self.imposed = self.ids - held_out - set(plan.hold_out)
        self.by_id = {value.id: value for value in card.values}
        self.dependence = Dependence(card_file)
        self.fixed: dict[str, frozenset[str]] = {}
        self._blocked: dict[Setting, dict[str, frozenset[str]]] = {}
        self._tried_to_give: set[tuple[Setting, frozenset[str]]] = set()
        limit = plan.time_limit
        self.deadline = None if limit is None else time.monotonic() + limit

    @property
    def late(self) -> bool:
        """Whether the time limit has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def job(
        self,
        purpose: Purpose,
        setting: Setting,
        index: int,
        aims: frozenset[str],
        attempts: int | None = None,
    ) -> Job:
        """A cohort to be drawn under a setting."""
        return Job(
            path=self.card_file.path,
            setting=setting,
            purpose=purpose,
            index=index,
            attempts=attempts or self.plan.attempts,
            seed=self.plan.seed,
            aims=aims,
            conflicts=self.conflicts(setting),
            deadline=self.deadline,
        )

    def do(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """The outcomes of jobs, in order, until the time is over; of the first job in any case."""
        if self.late and self.stored is not None:
            return
        for outcome in self.run(list(jobs)):
            self.cost["cohorts"] += 1
            self.cost["attempts"] += outcome.attempts
            self.cost["refits"] += outcome.drawn.refits
            self.cost["moves"] += outcome.drawn.moves
            yield outcome
            if self.late:
                return

    def blocked(self, setting: Setting) -> dict[str, frozenset[str]]:
        """The p-values that a setting's own test cannot give, each with what it conflicts with."""
        if setting not in self._blocked:
            self._blocked[setting] = blocked(self.card_file.card(setting))
        return self._blocked[setting]

    def conflicts(self, setting: Setting) -> tuple[frozenset[str], ...]:
        """Sets of values that cannot all be printed under a setting, by proof."""
        return (*self.impossible, *self.blocked(setting).values())

    def within_reach(self, setting: Setting) -> frozenset[str]:
        """All values but those that no cohort under the setting can print.

        Those are the p-values that its test cannot give, and what comes out the same in every draw
        unless it rests on a choice that is changed.
        """
        changed = {name for name, index in setting.choices if index}
        vain = {name for name, rests_on in self.fixed.items() if not rests_on & changed}
        return self.ids - self.blocked(setting).keys() - vain

    # The stored cohort

    def look_for_everything(self) -> None:
        """Aim at all values: under each setting, then in more attempts, then without the worst."""
        study, total = self.card_file.base.study, len(self.everything)
        self.progress(f"{study}: looking for a cohort that prints {total} reported values")
        settings = self.card_file.single_changes
        missed: dict[Setting, tuple[str, ...]] = {}
        given: frozenset[str] = frozenset()
        for group in (settings[:1], settings[1:]):
            # The card's own setting goes first: most papers need no other.
            jobs = [
                self.job(
                    Purpose.STORED, setting, 0, self.within_reach(setting) - given, _FIRST_LOOK
                )
                for setting in group
            ]
            for outcome in self.do(jobs):
                setting, of_all = outcome.job.setting, self._keep(outcome)
                missed[setting] = of_all
                if not setting.choices:
                    self.fixed = {name: self.rests_on(name) for name in outcome.fixed}
                imposed = tuple(sorted(set(of_all) & self.imposed))
                self.settings[setting] = self._result(setting, imposed, of_all)
            if self.is_enough:
                # What gives here gives elsewhere: no other setting aims at it in vain.
                self._give_fewest()
                given = self._given()
        if not self.is_enough:
            self._try_harder(missed)
        if not self.is_enough:
            self._set_aside()
        self._give_fewest()

    @property
    def is_enough(self) -> bool:
        """Whether the stored cohort misses no more than must give under every setting."""
        stored = self.stored
        if stored is None:
            return False
        missed = set(stored.unmet) - self.fixed.keys()
        return self.late or Shortfall.of(missed, self.ids, self.impossible).is_excused

    def rests_on(self, name: str) -> frozenset[str]:
        """The assumptions that a value rests on."""
        value = self.by_id[name]
        return frozenset(self.dependence.of(value.quantity, value.statistic))

    def _try_harder(self, missed: dict[Setting, tuple[str, ...]]) -> None:
        """More attempts, also with two choices changed, where nothing proves them vain."""
        chances = []
        for setting in (*missed, *self._pairs(list(missed))):
            if self.blocked(setting):
                continue
            parts = [missed[Setting((choice,))] for choice in setting.choices]
            expected = sum(map(len, parts)) if parts else len(missed[setting])
            chances.append((expected, len(parts), setting))
        chances.sort(key=lambda chance: chance[:2])
        jobs = [
            self.job(Purpose.STORED, setting, 1, self.within_reach(setting))
            for _, _, setting in chances[:_CHANCES]
        ]
        for outcome in self.do(jobs):
            self._keep_as_better(outcome)
            if self.is_enough:
                return

    def _keep_as_better(self, outcome: Outcome) -> None:
        """Keep a cohort, and what its setting can print if it prints more than any before."""
        setting, of_all = outcome.job.setting, self._keep(outcome)
        known = self.settings.get(setting)
        if known is None or len(of_all) < len(known.unmet_of_all):
            imposed = tuple(sorted(set(of_all) & self.imposed))
            self.settings[setting] = self._result(setting, imposed, of_all)

    def _pairs(self, settings: Sequence[Setting]) -> Iterator[Setting]:
        """Two choices changed at once, one of which the values missed so far rest on."""
        assert self.stored is not None
        resting = frozenset().union(*(self.rests_on(name) for name in self.stored.unmet))
        for one, other in itertools.combinations([s for s in settings if s.choices], 2):
            names = {one.choices[0][0], other.choices[0][0]}
            if len(names) == 2 and names & resting:
                yield Setting((*one.choices, *other.choices))

    def _set_aside(self) -> None:
        """What cannot be met pulls the rest off its targets: leave it out, and try again.

        Held-out p-values first (another test may have given them), else the worst miss.
        """
        by_id = {one.id: one for one in self.everything}
        held_out = {name for name, value in self.by_id.items() if value.role is Role.HELD_OUT}
        assert self.stored is not None
        aside = self.ids - self.within_reach(self.stored.setting)
        for round_ in range(_ROUNDS):
            still = set(self.stored.unmet) - aside
            if not still or self.is_enough:
                return
            doubtful = {id for id in still & held_out if by_id[id].statistic is Statistic.P_VALUE}
            found = self.stored.estimates
            worst = max(sorted(still), key=lambda id: by_id[id].loss(found[id]))
            aside |= doubtful or {worst}
            job = self.job(Purpose.STORED, self.stored.setting, 2 + round_, self.ids - aside)
            for outcome in self.do([job]):
                self._keep(outcome)
                if not outcome.drawn.unmet:
                    return

    def _given(self) -> frozenset[str]:
        """What the stored cohort misses, of values that cannot all be true."""
        assert self.stored is not None
        return frozenset(self.stored.unmet).intersection(frozenset().union(*self.impossible))

    def _give_fewest(self) -> None:
        """Where several members of a proven conflict give, try whether one is enough."""
        assert self.stored is not None
        setting, missed = self.stored.setting, frozenset(self.stored.unmet)
        if (setting, missed) in self._tried_to_give:
            return
        self._tried_to_give.add((setting, missed))
        hit = [conflict for conflict in self.conflicts(setting) if conflict & missed]
        for index, name in enumerate(sorted(missed - self.fixed.keys())):
            rest = missed - {name}
            if any(name in conflict for conflict in hit) and all(rest & c for c in hit):
                aims = self.ids - rest
                job = self.job(Purpose.STORED, setting, 2 + _ROUNDS + index, aims, _FIRST_LOOK)
                for outcome in self.do([job]):
                    self._keep_as_better(outcome)
                if len(self.stored.unmet) < len(missed):
                    return

    def _keep(self, outcome: Outcome) -> tuple[str, ...]:
        """Store a cohort that prints more than the one stored; returns what it does not print."""
        drawn, setting = outcome.drawn, outcome.job.setting
        missed = unmet(self.everything, drawn.estimates)
        total = len(self.everything)
        words = "" if setting == Setting() else f" under {setting.name}"
        told = f"; not yet {_some(missed)}" if missed else ""
        self.progress(
            f"{self.card_file.base.study}: a cohort prints {total - len(missed)} of {total} "
            f"reported values{words}{told}"
        )
        stored = self.stored
        if stored is None or (len(missed), len(setting.choices)) < (
            len(stored.unmet),
            len(stored.setting.choices),
        ):
            self.stored = Stored(setting, drawn.cohort, drawn.estimates, missed)
        return missed

    # The conditioned cohorts

    def _result(
        self, setting: Setting, missed: tuple[str, ...], of_all: tuple[str, ...]
    ) -> SettingResult:
        matched = Shortfall.of(missed, self.imposed, self.impossible).is_excused
        return SettingResult(
            setting, len(self.imposed), missed, matched, of_all, self.conflicts(setting)
        )

    def condition(self) -> None:
        """Cohorts that print the imposed values, under each setting; the base setting gets most."""
        study = self.card_file.base.study
        doubtful = [setting for setting, one in self.settings.items() if one.unmet]
        jobs = [self.job(Purpose.CONDITIONED, setting, 0, self.imposed) for setting in doubtful]
        for outcome in self.do(jobs):
            setting = outcome.job.setting
            missed = tuple(sorted(outcome.drawn.unmet))
            if len(missed) < len(self.settings[setting].unmet):
                of_all = self.settings[setting].unmet_of_all
                self.settings[setting] = self._result(setting, missed, of_all)
        for setting, one in self.settings.items():
            told = f"misses {_some(one.unmet)}" if one.unmet else "prints all imposed values"
            self.progress(f"{study}: {setting.name}: {told}")
        jobs = [
            self.job(Purpose.CONDITIONED, setting, index, self.imposed - set(one.unmet))
            for setting, one in self.settings.items()
            if one.matched
            for index in range(1, 1 + self._wanted(setting))
        ]
        for outcome in self.do(jobs):
            if not outcome.drawn.unmet and not outcome.is_cut:
                found = Conditioned(
                    len(self.conditioned), outcome.job.setting.name, outcome.drawn.estimates
                )
                self.conditioned.append(found)
                if len(self.conditioned) % 25 == 0:
                    self.progress(f"{study}: {len(self.conditioned)} conditioned cohorts")

    def _wanted(self, setting: Setting) -> int:
        first = setting == self.card_file.single_changes[0]
        return self.plan.conditioned if first else self.plan.others()


def _some(names: Sequence[str], most: int = 6) -> str:
    """Names as a list, cut short where there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
