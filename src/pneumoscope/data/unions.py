"""Groups of what belongs together, directly or over others (union-find)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def united(members: Iterable[T], links: Iterable[tuple[T, T]]) -> dict[T, T]:
    """Each member to the member that stands for its group.

    Args:
        members: All members.
        links: Pairs of members that belong together. The group of the first joins that of the second.
    """
    parent = {member: member for member in members}

    def root(member: T) -> T:
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for member, other in links:
        parent[root(member)] = root(other)
    return {member: root(member) for member in parent}
