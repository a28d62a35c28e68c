"""Every pair of states of every state machine: allowed moves move, all others raise and change nothing."""

from __future__ import annotations

import threading

import pytest
from django.apps import apps
from django.db import connection

from portal.errors import IllegalMove
from portal.states import Stateful
from tests import factories

pytestmark = pytest.mark.django_db


def machines() -> list[type[Stateful]]:
    return [model for model in apps.get_models() if issubclass(model, Stateful)]


def make(model: type[Stateful], state: str) -> Stateful:
    group = factories.make_group()
    if model.__name__ == "Operation":
        return factories.make_operation(group, state=state)
    if model.__name__ == "Revision":
        return factories.make_service(group, state=state).revisions.get()
    if model.__name__ == "GoldenRun":
        return model.objects.create(revision=factories.make_service(group).revisions.get(), state=state)
    raise NotImplementedError(f"Say here how a {model.__name__} is made.")


PAIRS = [(model, source, target) for model in machines() for source in model.State.values for target in model.State.values]


def test_the_machines_are_known():
    assert {"Operation", "Revision"} <= {model.__name__ for model in machines()}


@pytest.mark.parametrize("model", machines(), ids=lambda model: model.__name__)
def test_the_table_speaks_of_all_states(model):
    assert set(model.MOVES) == set(model.State)
    assert all(target in model.State.values for targets in model.MOVES.values() for target in targets)


@pytest.mark.parametrize(("model", "source", "target"), PAIRS, ids=lambda value: getattr(value, "__name__", value))
def test_every_pair(model, source, target):
    row = make(model, source)
    if target in model.MOVES[source]:
        row.move(target)
        assert row.state == target
    else:
        with pytest.raises(IllegalMove, match=f"is {source}; it cannot become {target}"):
            row.move(target)
    row.refresh_from_db()
    assert row.state == (target if target in model.MOVES[source] else source)


def test_a_stale_fence_moves_nothing():
    operation = make(machines_by_name()["Operation"], "NotStarted")
    operation.claim()
    stale = type(operation).objects.get(pk=operation.pk)
    type(operation).objects.filter(pk=operation.pk).update(fence=5)
    with pytest.raises(IllegalMove):
        stale.succeed()
    assert not stale.beat() and type(operation).objects.get().state == "Running"


def machines_by_name() -> dict:
    return {model.__name__: model for model in machines()}


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_claims():
    operation = make(machines_by_name()["Operation"], "NotStarted")
    won, barrier = [], threading.Barrier(6)

    def claim():
        try:
            mine = type(operation).objects.get(pk=operation.pk)
            barrier.wait(10)
            mine.claim()
            won.append(mine.fence)
        except IllegalMove:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    operation.refresh_from_db()
    assert won == [1] and (operation.state, operation.fence, operation.attempts) == ("Running", 1, 1)
