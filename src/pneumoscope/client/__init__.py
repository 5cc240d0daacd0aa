"""A client of a reading room's server: `pneumoscope serve` on another machine does the work.

>>> with pneumoscope.Client("http://127.0.0.1:8000") as client:
...     record = client.predict("film.dcm")
>>> record.prediction.label

It needs httpx, of the extra ``[serve]``.
"""

from pneumoscope.client.http import TOKEN_VARIABLE, Client
from pneumoscope.client.records import Job, Record

__all__ = ["TOKEN_VARIABLE", "Client", "Job", "Record"]
