"""Transports without a network, for tests of what happens to connections."""

from __future__ import annotations


class Transport:
    """A transport without a network.

    Attributes:
        address: That of the client.
        waiting: Bytes of an answer that the client has not taken.
        state: "read", "unread" after reading was paused, or "closed".
    """

    def __init__(self, address: str = "10.0.0.1", waiting: int = 0) -> None:
        self.address, self.waiting, self.state = address, waiting, "read"

    @property
    def aborted(self) -> bool:
        return self.state == "closed"

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return self.address, 50000

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def pause_reading(self) -> None:
        self.state = "unread"

    def abort(self) -> None:
        self.state = "closed"
