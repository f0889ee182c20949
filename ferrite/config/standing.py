"""Which objects of one kind count, when some exclude each other: those that stand, then the older."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ferrite.errors import ConfigError

V = TypeVar("V")
Identity = tuple[str, str]
"""Name and uid: an object that was deleted and made anew is another one."""
Refuse = Callable[[V, Iterable[V]], None]
"""Raises ConfigError when a value cannot count beside the others."""


def excludes_nothing(_: object, __: Iterable[object]) -> None:
    """For kinds whose objects never exclude each other."""


def settle(
    own: Mapping[Identity, V], standing: Mapping[Identity, V], refuse: Refuse[V]
) -> tuple[dict[Identity, V], dict[Identity, str]]:
    """Decide which values count.

    A standing value goes only when its own object replaces it, so no object takes another's place. Edited
    objects that fit once all of them are edited are taken together: two pools may swap their addresses.

    Args:
        own: what each good object says now, oldest first.
        standing: what counted before, of the objects that are still there; no two exclude each other.
        refuse: whether two values exclude each other.

    Returns:
        What counts, and why the rest of `own` does not.
    """
    counting = dict(standing)
    waiting = {who: value for who, value in own.items() if who not in standing or value != standing[who]}
    edited = {who: value for who, value in waiting.items() if who in standing}
    together = counting | edited
    if not any(_complaint(who, value, together, refuse) for who, value in edited.items()):
        counting = together
        waiting = {who: value for who, value in waiting.items() if who not in edited}
    while True:
        refused: dict[Identity, str] = {}
        for who, value in waiting.items():
            if complaint := _complaint(who, value, counting, refuse):
                refused[who] = complaint
            else:
                counting[who] = value
        if len(refused) == len(waiting):
            return counting, refused
        waiting = {who: waiting[who] for who in refused}  # what was replaced may have made room


def _complaint(who: Identity, value: V, counting: Mapping[Identity, V], refuse: Refuse[V]) -> str | None:
    try:
        refuse(value, (other for each, other in counting.items() if each != who))
    except ConfigError as error:
        return str(error)
    return None
