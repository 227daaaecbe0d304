"""`httpx` over attested TLS.

    from cloister.httpx import client
    with client(policy) as c:
        c.get("https://enclave.example:8000/hello")

A refused enclave appears as httpx.ConnectError, or as AttestationError itself where httpx lets it pass;
cloister.verify.AttestationError is its cause. Plain http is not attested: give https addresses.
"""

from typing import Any, Union

import httpx

from cloister.verify import Policy, Verifier, ssl_context

__all__ = ["async_client", "client"]


def _refuse_plain(request: httpx.Request) -> None:
    if request.url.scheme != "https":
        raise httpx.UnsupportedProtocol(f"{request.url}: an attested client speaks https only", request=request)


async def _refuse_plain_async(request: httpx.Request) -> None:
    _refuse_plain(request)


def _hooks(options: dict[str, Any], refuse: Any) -> dict[str, Any]:
    hooks = dict(options.pop("event_hooks", None) or {})
    hooks["request"] = [refuse, *hooks.get("request", [])]
    return {**options, "event_hooks": hooks}


def client(verifier: Union[Verifier, Policy], **options: Any) -> httpx.Client:
    """An httpx.Client (with its options) that speaks to accepted enclaves only."""
    return httpx.Client(verify=ssl_context(verifier), **_hooks(options, _refuse_plain))


def async_client(verifier: Union[Verifier, Policy], **options: Any) -> httpx.AsyncClient:
    """The same as an httpx.AsyncClient."""
    return httpx.AsyncClient(verify=ssl_context(verifier), **_hooks(options, _refuse_plain_async))
