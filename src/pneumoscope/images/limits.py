"""What a film may cost: limits that are checked on headers, before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from pneumoscope.errors import NotA2DImage, TooLarge, TooSmall, UnreadableImage

MAX_BYTES = 256 * 2**20  # a 10,000 x 10,000 film of 16 bits, uncompressed, fits
MAX_PIXELS = 100_000_000  # ten times the largest flat detector (about 3,500 x 4,300)
MIN_SIDE_PX = 64  # below this a film is a thumbnail


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the stored film.

    Attributes:
        max_pixels: Most rows x columns x frames.
        min_side_px: Fewest pixels along either side.
    """

    max_pixels: int = MAX_PIXELS
    min_side_px: int = MIN_SIDE_PX

    def check(self, name: str, rows: int, columns: int, frames: int = 1) -> None:
        """Refuses a film by the size that its header claims.

        Args:
            name: What to call the film in messages.
            rows: Height in pixels.
            columns: Width in pixels.
            frames: Number of frames or pages.

        Raises:
            UnreadableImage: A side is not positive.
            TooLarge: More than ``max_pixels``.
            NotA2DImage: More than one frame.
            TooSmall: A side is below ``min_side_px``.
        """
        if rows < 1 or columns < 1:
            raise UnreadableImage(name, f"its header claims {columns} x {rows} pixels")
        if rows * columns * frames > self.max_pixels:
            many = f" x {frames} frames" if frames > 1 else ""
            raise TooLarge(name, f"{columns} x {rows}{many} pixels", f"{self.max_pixels:,} pixels")
        if frames > 1:
            raise NotA2DImage(name, f"{frames} frames")
        if min(rows, columns) < self.min_side_px:
            raise TooSmall(name, rows, columns, self.min_side_px)
