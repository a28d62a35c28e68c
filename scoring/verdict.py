"""May requests to this file be put together? Found by trying: varied rows alone, together, repeated and shuffled."""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import time
from typing import Any, Dict, List, Optional

from . import collect, inputs, outputs, sharing
from .errors import RequestError
from .schema import PANDAS
from .values import Wrong

CANDIDATES, LEAST, SECONDS = 14, 4, 10.0
#: matrix products of one row and of many round differently in the last digits
RELATIVE, ABSOLUTE = 1e-6, 1e-9


class _Answer(Exception):
    def __init__(self, verdict: str, reason: str):
        super().__init__(reason)
        self.verdict, self.reason = verdict, reason


class _Judge:
    def __init__(self, driver: Any, seconds: float):
        self.driver, self.schema = driver, driver.schema
        self.deadline = time.monotonic() + seconds
        self.calls, self.exact = 0, True
        self.random = random.Random(7)

    def together(self, requests: List[Any]) -> List[Any]:
        """[result, collected rows] for each of these one-row requests, from one call."""
        if time.monotonic() > self.deadline:
            raise _Answer("unknown", "run() takes too long to be tried often enough.")
        self.calls += 1
        answers, held = sharing.run(self.driver, requests, [("", 1)] * len(requests), always=True)
        tables = [each for _, each in held.tables]
        return [
            [json.loads(answer), json.loads(outputs.encode([table[index] for table in tables]))] for index, answer in enumerate(answers)
        ]

    def same(self, one: Any, other: Any) -> bool:
        if type(one) is float or type(other) is float:
            if isinstance(one, (int, float)) and isinstance(other, (int, float)):
                self.exact = self.exact and one == other and type(one) is type(other)
                return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
            return False
        if type(one) is not type(other):
            return False
        if isinstance(one, list):
            return len(one) == len(other) and all(self.same(*pair) for pair in zip(one, other))
        if isinstance(one, dict):
            return one.keys() == other.keys() and all(self.same(each, other[name]) for name, each in one.items())
        return bool(one == other)

    def candidates(self, sample: Dict[str, Any]) -> List[Any]:
        """Checked one-row requests: the sample's own rows, and changes of them."""
        found = []
        for number in range(CANDIDATES):
            body = {name: [self._row(kind, sample[name], number)] for name, kind in self.schema.inputs.items()}
            try:
                values = inputs.check_value(self.schema, body)
            except RequestError:
                continue
            if values not in found:
                found.append(values)
        return found

    def _row(self, kind: Any, rows: List[Any], number: int) -> Any:
        base = rows[number % len(rows)]
        if number < len(rows):
            return base
        if kind.kind != PANDAS or not isinstance(base, dict):
            return self._number(base)
        return {name: self._cell(kind, rows, name, value) for name, value in base.items()}

    def _cell(self, kind: Any, rows: List[Any], name: str, value: Any) -> Any:
        tries = [value, rows[self.random.randrange(len(rows))].get(name, value), self._number(value), self._number(value)]
        if self.random.random() < 0.15:
            tries.append(None)
        chosen = self.random.choice(tries) if tries[-1] is not None else None
        leaf = kind.node().item.fields.get(name)
        try:
            leaf.convert(chosen)
        except (Wrong, AttributeError):
            return value
        return chosen

    def _number(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._number(each) for each in value]
        if isinstance(value, dict):
            return {name: self._number(each) for name, each in value.items()}
        if isinstance(value, bool):
            return self.random.random() < 0.5
        if isinstance(value, int):
            return value + self.random.choice((0, 1, 2, -1, max(1, abs(value) // 3)))
        if isinstance(value, float):
            return round(value * self.random.choice((0.5, 0.9, 1.0, 1.1, 2.0)) + self.random.choice((0.0, 0.1)), 6)
        return value

    def judge(self, sample: Dict[str, Any]) -> None:
        """Raises _Answer unless everything agreed."""
        rows, alone = [], []
        for values in self.candidates(sample):
            try:
                [found] = self.together([values])
            except (sharing.Unshareable, _Answer):
                raise
            except (Exception, SystemExit):  # a value that this model does not know
                continue
            rows.append(values)
            alone.append(found)
        if len(rows) < LEAST:
            raise _Answer("unknown", "The schema's sample gives too few different rows that run() takes.")
        everyone = list(range(len(rows)))
        self._repeat(rows, alone, reversed(everyone))
        shuffled = [self.random.sample(everyone, len(everyone)) for _ in range(2)]
        for group in ([0, 1], [1, 0], [0, 0], [2, 3, 2], everyone, *shuffled, everyone + shuffled[0], everyone[::2]):
            for index, found in zip(group, self.together([rows[each] for each in group])):
                if not self.same(found, alone[index]):
                    raise _Answer("not-rows", "A row's result depends on the rows beside it.")
        self._repeat(rows, alone, everyone[:3])

    def _repeat(self, rows: List[Any], alone: List[Any], indexes: Any) -> None:
        for index in indexes:
            [found] = self.together([rows[index]])
            if not self.same(found, alone[index]):
                raise _Answer("not-repeatable", "The same row has another result the next time.")


def find(driver: Any, seconds: float = SECONDS) -> Dict[str, Any]:
    """{"verdict": "rows" | "not-rows" | "not-repeatable" | "unsupported" | "unknown", "reason", "calls", "exact"} for a loaded driver.

    "rows": requests may be put together. `exact`: the results were the same to the last digit. run() is called some 40 times.
    """
    reason = sharing.refusal(driver)
    sample: Optional[Dict[str, Any]] = driver.schema.sample() if not reason else None
    if not reason and not (sample and all(isinstance(sample.get(name), list) and sample[name] for name in driver.schema.inputs)):
        return _told("unknown", "The schema has no sample to try it with.", 0, False)
    if reason or sample is None:
        return _told("unsupported", reason, 0, False)
    judge = _Judge(driver, seconds)
    token = collect.current_request.set(collect.NO_REQUEST)
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            judge.judge(sample)
    except _Answer as answer:
        return _told(answer.verdict, answer.reason, judge.calls, False)
    except sharing.Unshareable as error:
        return _told("not-rows", str(error), judge.calls, False)
    except (Exception, SystemExit) as error:  # together it fails, alone it did not
        return _told("not-rows", f"run() fails on several rows ({type(error).__name__}).", judge.calls, False)
    finally:
        collect.current_request.reset(token)
    return _told("rows", "Each row's result is its own, alone and together.", judge.calls, judge.exact)


def _told(verdict: str, reason: str, calls: int, exact: bool) -> Dict[str, Any]:
    return {"verdict": verdict, "reason": reason, "calls": calls, "exact": exact}
