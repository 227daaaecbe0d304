"""An ordinary FastAPI application. It knows nothing of enclaves."""

from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel

app = FastAPI()


class Message(BaseModel):
    message: str


@app.get("/")
async def root() -> dict[str, str]:
    return {"message": "Hello from the enclave"}


@app.get("/get_headers")
async def get_headers(request: Request) -> dict[str, Any]:
    return {"headers": dict(request.headers)}


@app.post("/log_body")
async def log_body(body: Message) -> dict[str, Any]:
    print(f"received {len(body.message)} characters", flush=True)
    return {"message": "Success", "length": len(body.message)}
