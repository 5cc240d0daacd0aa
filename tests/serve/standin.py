"""A small server that answers by the API's contract, for the page alone: no accounts, no store."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import threading
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image

import pneumoscope
from pneumoscope import heatmap
from pneumoscope.gate import REASONS
from pneumoscope.records import Outcome, Settings
from pneumoscope.runtime import Classifier, load
from pneumoscope.serialise import outcome_to_json

STATIC = Path(pneumoscope.__file__).parent / "serve" / "static"
CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
API = "/api/v1"


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


class Held:
    """Everything that the stand-in knows, in memory."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.pictures: dict[str, dict[str, bytes]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.base = load(threads=1)
        self.lock = threading.Lock()

    def predict(self, name: str, data: bytes, settings: Settings) -> dict[str, Any]:
        classifier = Classifier(self.base.bundle, threads=1, settings=settings)
        with self.lock:
            outcome = next(iter(classifier.predict_many([data], keep_films=True)))
        return self.keep(name, data, outcome)

    def keep(self, name: str, data: bytes, outcome: Outcome) -> dict[str, Any]:
        ident = hashlib.sha256(f"{len(self.records)}{name}".encode()).hexdigest()[:16]
        here = f"{API}/predictions/{ident}"
        pictures = self.pictures.setdefault(ident, {})
        if outcome.film is not None:
            grey = np.rint(np.clip(outcome.film.pixels, 0, 1) * 255).astype(np.uint8)
            pictures["film.png"] = png(grey)
            small = Image.fromarray(grey)
            small.thumbnail((160, 160))
            pictures["thumbnail.png"] = png(np.asarray(small))
            p = outcome.prediction
            if p is not None and p.explanation is not None and p.heatmap is not None:
                pictures["overlay.png"] = png(heatmap.overlay_of(outcome))
                heat = heatmap.enlarge(p.heatmap, *grey.shape)
                colours = heatmap.colour_table()[np.rint(heat * 255).astype(np.uint8)]
                alpha = np.rint(255 * np.clip((heat - 0.35) / 0.5, 0, 1)).astype(np.uint8)
                if p.explanation.reliable:
                    pictures["heatmap.png"] = png(np.dstack([colours, alpha]))
        result = outcome_to_json(outcome)
        result.pop("source")
        failed = outcome.error is not None
        record = {
            "id": ident,
            "created": datetime.now(UTC).isoformat(),
            "film": {"name": name, "sha256": hashlib.sha256(data).hexdigest()},
            "state": "failed" if failed else "done",
            "result": None if failed else result,
            "error": problem_of(outcome.error) if failed else None,
            "links": {"self": here, "pdf": f"{here}/report.pdf"}
            | {
                key: f"{here}/{key}.png" if f"{key}.png" in pictures else None
                for key in ("overlay", "film", "thumbnail", "heatmap")
            },
        }
        pictures["result.json"] = json.dumps(record).encode()
        self.records[ident] = record
        return record


def problem_of(error: Any) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": type(error).__name__,
        "status": 422,
        "detail": error.message,
        "code": error.code,
        "hint": error.hint,
    }


def problem(status: int, title: str, hint: str = "", **headers: str) -> Response:
    content = {"type": "about:blank", "title": title, "status": status, "detail": title}
    content |= {"code": title, "hint": hint}
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def settings_of(form: Any) -> Settings:
    asked = Settings(explain=form.get("explain") or "fast", force=form.get("force") == "true")
    if form.get("operating_point"):
        asked = replace(asked, operating_point=str(form["operating_point"]))
    for key in ("error", "prevalence"):
        if form.get(key):
            asked = replace(asked, **{key: float(form[key])})
    return asked


def create() -> FastAPI:
    app = FastAPI()
    held = Held()
    app.state.held = held
    app.state.busy = 0  # so many further uploads are answered 429

    @app.middleware("http")
    async def headers(request: Request, call: Any) -> Response:
        response = await call(request)
        response.headers["Content-Security-Policy"] = CSP
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.post(f"{API}/predictions")
    async def predict(request: Request) -> Response:
        form = await request.form()
        uploads = [(u.filename or "", await u.read()) for u in form.getlist("files")]
        if app.state.busy:
            app.state.busy -= 1
            return problem(429, "Busy", "Wait.", **{"Retry-After": "1"})
        settings = settings_of(form)
        if any(data[:2] == b"PK" for _, data in uploads):
            return accept(uploads[0][1], settings)
        loop = asyncio.get_running_loop()
        found = [
            await loop.run_in_executor(None, held.predict, name, data, settings)
            for name, data in uploads
        ]
        return JSONResponse({"predictions": found})

    def accept(data: bytes, settings: Settings) -> Response:
        archive = zipfile.ZipFile(io.BytesIO(data))
        ident = f"job{len(held.jobs)}"
        here = f"{API}/jobs/{ident}"
        job = {"id": ident, "state": "queued", "done": 0, "total": len(archive.namelist())}
        job |= {"records": [], "error": None, "links": {"self": here, "events": f"{here}/events"}}
        held.jobs[ident] = job

        def work() -> None:
            for name in archive.namelist():
                if job["state"] == "cancelled":
                    return
                job["records"].append(held.predict(name, archive.read(name), settings))
                job["done"] += 1
            job["state"] = "done"

        threading.Thread(target=work, daemon=True).start()
        return JSONResponse({"job": job}, 202, {"Location": here})

    @app.get(f"{API}/jobs/{{ident}}/events")
    async def events(ident: str) -> Response:
        job = held.jobs[ident]

        async def lines() -> Any:
            sent = 0
            while True:
                while sent < len(job["records"]):
                    record = job["records"][sent]
                    sent += 1
                    content = {"done": sent, "total": job["total"], "record": record}
                    yield f"event: progress\ndata: {json.dumps(content)}\n\n"
                if job["state"] in ("done", "cancelled"):
                    yield f"event: end\ndata: {json.dumps(job)}\n\n"
                    return
                await asyncio.sleep(0.05)

        return StreamingResponse(lines(), media_type="text/event-stream")

    @app.get(f"{API}/jobs/{{ident}}")
    def job(ident: str) -> Response:
        return JSONResponse(held.jobs[ident])

    @app.delete(f"{API}/jobs/{{ident}}")
    def cancel(ident: str) -> Response:
        held.jobs[ident]["state"] = "cancelled"
        return JSONResponse(held.jobs[ident])

    @app.get(f"{API}/predictions")
    def history(
        limit: int = 50, before: str | None = None, label: str | None = None, q: str | None = None
    ) -> Response:
        found = [r for r in reversed(held.records.values()) if not before or r["created"] < before]
        if label:
            found = [r for r in found if r["result"] and r["result"]["label"] == label]
        if q:
            found = [r for r in found if q.lower() in r["film"]["name"].lower()]
        more = found[limit - 1]["created"] if len(found) > limit else None
        return JSONResponse({"predictions": found[:limit], "next": more})

    @app.get(f"{API}/predictions/export")
    def export(format: str = "csv", ids: str = "") -> Response:  # noqa: A002
        chosen = [held.records[i] for i in ids.split(",") if i in held.records]
        name = {"Content-Disposition": f'attachment; filename="pneumoscope.{format}"'}
        if format == "json":
            return JSONResponse(chosen, headers=name)
        if format == "pdf":
            return Response(b"%PDF-1.4\n%%EOF", media_type="application/pdf", headers=name)
        rows = [f"{r['film']['name']},{(r['result'] or {}).get('label')}" for r in chosen]
        return Response("\n".join(["film,label", *rows]), media_type="text/csv", headers=name)

    @app.delete(f"{API}/predictions")
    def forget_all() -> Response:
        held.records.clear()
        return Response(status_code=204)

    @app.get(f"{API}/predictions/{{ident}}")
    def one(ident: str) -> Response:
        if ident not in held.records:
            return problem(404, "NotFound")
        return JSONResponse(held.records[ident])

    @app.delete(f"{API}/predictions/{{ident}}")
    def forget(ident: str) -> Response:
        held.records.pop(ident, None)
        return Response(status_code=204)

    @app.get(f"{API}/predictions/{{ident}}/{{what}}")
    def rendering(ident: str, what: str) -> Response:
        if what == "report.pdf":
            return Response(b"%PDF-1.4\n%%EOF", media_type="application/pdf")
        data = held.pictures.get(ident, {}).get(what)
        if data is None:
            return problem(404, "NotFound")
        kind = "application/json" if what.endswith("json") else "image/png"
        return Response(data, media_type=kind, headers={"Cache-Control": "private, no-store"})

    @app.get(f"{API}/settings")
    def settings() -> Response:
        meta = held.base.bundle.meta
        defaults = {"operating_point": meta.default_operating_point, "prevalence": None}
        defaults |= {"error": 0.05, "explain": "fast", "force": False}
        points = [
            {"name": p.name, "threshold": p.threshold, "rule": p.rule, "finding": p.finding}
            for p in meta.operating_points
        ]
        return JSONResponse(
            {
                "operating_points": points,
                "defaults": defaults,
                "smallest_error": 0.005,
                "limits": {"max_files": 100, "max_body_bytes": 200 * 2**20},
                "gate_reasons": {c: {"sentence": s, "hint": h} for c, (s, h) in REASONS.items()},
                "keeps_films": False,
            }
        )

    @app.get(f"{API}/model")
    def model() -> Response:
        bundle = held.base.bundle
        info = {"bundle": bundle.title, "bundle_sha256": bundle.sha256}
        info |= {"pneumoscope": pneumoscope.__version__}
        info["population"] = {"text": bundle.meta.population.text}
        return JSONResponse({"info": info, "card": (bundle.path / "README.md").read_text("utf-8")})

    @app.get(f"{API}/me")
    def me() -> Response:
        return JSONResponse({"id": "local", "name": "local", "role": "admin", "accounts": False})

    @app.get("/")
    def page() -> Response:
        return FileResponse(STATIC / "index.html")

    app.mount("/static", StaticFiles(directory=STATIC))
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8899)
    uvicorn.run(create(), host="127.0.0.1", port=parser.parse_args().port, log_level="warning")
