# /// script
# requires-python = ">=3.11"
# dependencies = ["fastapi>=0.115"]
# ///
"""A web service that hands its long work to workers.

    pip install fastapi uvicorn
    rq-agent up
    uvicorn --app-dir examples fastapi_app:app

    curl -X POST 'localhost:8000/reports?month=2031-04'    ->  {"id": "01m807q20tz4sfv0"}
    curl localhost:8000/reports/01m807q20tz4sfv0

The task stands in the same file: its environment has what the header above names, and there
`Client` can be imported, though not used.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from rq_agent import Client, TaskFailed, task


class Report(BaseModel):
    """Arguments and results may be pydantic models, dataclasses, msgspec structs."""

    month: str
    orders: int


@task(timeout=60, retries=3)
async def make_report(month: str) -> Report:
    await asyncio.sleep(1)
    return Report(month=month, orders=len(month))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with Client() as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/reports")
async def start(month: str) -> dict[str, str]:
    # Asked twice for the same month, there is one task as long as it has not ended.
    handle = await make_report.options(unique=f"report {month}").submit(month)
    return {"id": handle.id}


@app.get("/reports/{task_id}")
async def show(task_id: str) -> Report:
    try:
        return await make_report.handle(task_id).result(timeout=5)
    except TimeoutError:
        raise HTTPException(202, "not yet") from None
    except TaskFailed as e:
        raise HTTPException(500, e.reason) from None
