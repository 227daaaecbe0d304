"""`requests` over attested TLS.

    from cloister.requests import session
    with session(policy) as s:
        s.get("https://enclave.example:8000/hello")

A refused enclave appears as requests.exceptions.SSLError; attestation_error() finds the AttestationError in it.
"""

from typing import Any, Optional, Union

import requests
import requests.adapters

from cloister.verify import AttestationError, Policy, Verifier, ssl_context

__all__ = ["AttestedAdapter", "attestation_error", "session"]


class AttestedAdapter(requests.adapters.HTTPAdapter):  # type: ignore[misc]
    """Mount it for "https://": every connection it makes is to an accepted enclave."""

    def __init__(self, verifier: Union[Verifier, Policy], **options: Any) -> None:
        self._context = ssl_context(verifier)
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> Any:
        """Called by requests."""
        return super().init_poolmanager(*args, ssl_context=self._context, assert_hostname=False, **options)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        """Called by requests: the tunnel through a proxy is attested as well."""
        return super().proxy_manager_for(proxy, ssl_context=self._context, assert_hostname=False, **options)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Called by requests: certification authorities, and verify=False, mean nothing here."""
        if not url.lower().startswith("https"):
            raise requests.exceptions.InvalidSchema(f"{url}: an attested session speaks https only")
        super().cert_verify(conn, url, False, cert)


def session(verifier: Union[Verifier, Policy]) -> requests.Session:
    """A session whose https goes to accepted enclaves only, and whose http is refused."""
    made = requests.Session()
    adapter = AttestedAdapter(verifier)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    return made


def attestation_error(error: Optional[BaseException]) -> Optional[AttestationError]:
    """The refusal inside an exception of requests, or None."""
    seen: set[int] = set()
    queue = [error]
    while queue:
        one = queue.pop()
        if isinstance(one, AttestationError):
            return one
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        queue += [one.__cause__, one.__context__, getattr(one, "reason", None)]
        queue += [a for a in one.args if isinstance(a, BaseException)]
    return None
