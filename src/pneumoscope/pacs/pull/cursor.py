"""How far a source has been read, on the disk: a node that starts again goes on from there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope import files
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class CursorFile:
    """A small JSON file that is replaced as a whole.

    Attributes:
        path: The file; its folder exists.
        server: What the cursor is about. A file about another server is not used.
    """

    path: Path
    server: str

    def load(self) -> dict[str, Any]:
        """What was saved last; empty if nothing was, or if it is about another server.

        Raises:
            UsageError: The file is damaged.
        """
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            same = content["server"] == self.server
            return dict(content["cursor"]) if same else {}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self.path}: the cursor cannot be read ({files.cause(error)})",
                "Delete the file to start from the beginning; films that were read are not read again.",
            ) from error

    def save(self, cursor: dict[str, Any]) -> None:
        """Replaces what was saved.

        Raises:
            DiskFull: There is no space.
        """
        files.write_text(self.path, json.dumps({"server": self.server, "cursor": cursor}))
