"""Outside the enclave: connect only to enclaves that meet a policy.

    from cloister.verify import Client, Policy
    client = Client("https://enclave.example:8000", Policy(mrenclave=["9f3a..."], collateral="collateral"))
    print(client.get("/hello").read())

The certificate's quote is verified as the last step of the TLS handshake, before any byte of the application is sent;
AttestationError says why an enclave was refused. Names and dates of the certificate mean nothing here: the quote says whose
key it is.
"""

import ctypes
import dataclasses
import http.client
import os
import socket
import ssl
import time
import urllib.parse
from typing import Any, Callable, Mapping, NoReturn, Optional, Sequence, Union

from cloister._library import load

__all__ = ["AttestationError", "AttestedContext", "Client", "Policy", "Report", "Verifier", "fetch_certificate", "ssl_context"]

Path = Union[str, "os.PathLike[str]"]


class _Report(ctypes.Structure):
    """struct cloister_report of <cloister/ratls.h>."""

    _fields_ = [
        ("accepted", ctypes.c_int),
        ("quote_verified", ctypes.c_int),
        ("code", ctypes.c_int),
        ("reason", ctypes.c_char * 32),
        ("words", ctypes.c_char * 160),
        ("tcb_status", ctypes.c_char * 48),
        ("mrenclave", ctypes.c_uint8 * 32),
        ("mrsigner", ctypes.c_uint8 * 32),
        ("isv_prod_id", ctypes.c_uint16),
        ("isv_svn", ctypes.c_uint16),
        ("debug", ctypes.c_uint32),
        ("tcb_date", ctypes.c_int64),
        ("earliest_expiration", ctypes.c_int64),
    ]


@dataclasses.dataclass(frozen=True)
class Report:
    """What was found in a certificate. Without quote_verified, the facts below it are the sender's claims."""

    accepted: bool
    reason: str  # "accepted", "wrong-mrenclave", "untrusted-root", "expired-collateral", ...
    words: str  # the same for people
    code: int  # mbedTLS's number, 0 when accepted
    quote_verified: bool
    tcb_status: str
    mrenclave: str
    mrsigner: str
    isv_prod_id: int
    isv_svn: int
    debug: bool
    tcb_date: int
    earliest_expiration: int


class AttestationError(ssl.SSLError):
    """The peer's enclave was refused, or did not prove to be one. `report` says why."""

    report: Report

    def __init__(self, report: Report) -> None:
        super().__init__(1, f"enclave refused: {report.reason}: {report.words}")
        self.report = report


@dataclasses.dataclass(frozen=True)
class Policy:
    """Whom to accept, and whom to believe. At least one of mrenclave, mrsigner and any_enclave must be given."""

    mrenclave: Sequence[str] = ()  # 64 hexadecimal digits each; any of them
    mrsigner: Sequence[str] = ()
    isv_prod_id: Optional[int] = None  # None: any
    isv_svn: int = 0  # at least
    allow_debug_insecure: bool = False  # the host reads a debug enclave's memory
    accept_tcb: Sequence[str] = ()  # beside "UpToDate", e.g. "SWHardeningNeeded"
    any_enclave: bool = False
    trust_root: Optional[Path] = None  # PEM, instead of Intel's root
    collateral: Optional[Path] = None  # folder or bundle; None: CLOISTER_COLLATERAL, else a server is asked
    qcnl: Optional[Path] = None  # which: settings as sgx_default_qcnl.conf; None: QCNL_CONF_PATH, else the machine's
    offline: str = "refuse"  # when none answers; "cached": what was fetched before; "never": ask nobody
    fetch_seconds: int = 30  # bound for one fetch


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "cloister_verifier_new": (pointer, []),
        "cloister_verifier_free": (None, [pointer]),
        "cloister_verifier_add_mrenclave": (number, [pointer, text]),
        "cloister_verifier_add_mrsigner": (number, [pointer, text]),
        "cloister_verifier_set_product": (number, [pointer, number]),
        "cloister_verifier_set_least_svn": (number, [pointer, ctypes.c_uint16]),
        "cloister_verifier_accept_tcb": (number, [pointer, text]),
        "cloister_verifier_allow_debug_insecure": (number, [pointer]),
        "cloister_verifier_accept_any_enclave": (number, [pointer]),
        "cloister_verifier_set_trust_root": (number, [pointer, text]),
        "cloister_verifier_set_collateral": (number, [pointer, text]),
        "cloister_verifier_fetch_collateral": (number, [pointer, text, text, ctypes.c_uint]),
        "cloister_verify_certificate": (
            number,
            [pointer, text, ctypes.c_size_t, ctypes.c_int64, ctypes.POINTER(_Report)],
        ),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _one(value: Union[str, Sequence[str]]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


class Verifier:
    """Decides on certificates by a policy. Any number of threads may use one.

    clock gives the time by which collateral is judged: seconds since 1970, from a source the caller trusts.
    ValueError: the policy accepts nobody, or a value in it is malformed. OSError: a file, or the library, is not there.
    """

    def __init__(self, policy: Policy, clock: Callable[[], float] = time.time) -> None:
        if not (policy.mrenclave or policy.mrsigner or policy.any_enclave):
            raise ValueError("whom to accept? give mrenclave or mrsigner (or any_enclave=True)")
        self.policy, self._clock = policy, clock
        self._handle: Optional[int] = None
        self._library = _declare(load("libcloister.so.0"))
        self._handle = self._library.cloister_verifier_new()
        if not self._handle:
            raise MemoryError
        for value in _one(policy.mrenclave):
            self._set("mrenclave", value, "add_mrenclave", value.encode())
        for value in _one(policy.mrsigner):
            self._set("mrsigner", value, "add_mrsigner", value.encode())
        for value in _one(policy.accept_tcb):
            self._set("accept_tcb", value, "accept_tcb", value.encode())
        if not 0 <= policy.isv_svn <= 65535:
            raise ValueError(f"isv_svn: {policy.isv_svn}: not from 0 to 65535")
        self._set("isv_svn", policy.isv_svn, "set_least_svn", policy.isv_svn)
        if policy.isv_prod_id is not None:
            if not 0 <= policy.isv_prod_id <= 65535:
                raise ValueError(f"isv_prod_id: {policy.isv_prod_id}: not from 0 to 65535")
            self._set("isv_prod_id", policy.isv_prod_id, "set_product", policy.isv_prod_id)
        if policy.allow_debug_insecure:
            self._set("allow_debug_insecure", True, "allow_debug_insecure")
        if policy.any_enclave:
            self._set("any_enclave", True, "accept_any_enclave")
        self._load_files(policy)

    def _load_files(self, policy: Policy) -> None:
        collateral = policy.collateral or os.environ.get("CLOISTER_COLLATERAL")
        if policy.trust_root:
            self._set("trust_root", os.fspath(policy.trust_root), "set_trust_root", os.fsencode(policy.trust_root))
        if collateral:
            self._set("collateral", os.fspath(collateral), "set_collateral", os.fsencode(collateral))
        else:
            qcnl = os.fsencode(policy.qcnl) if policy.qcnl else None
            how = f"{policy.offline}, {policy.fetch_seconds}"
            if not 0 < policy.fetch_seconds <= 3600:
                raise ValueError(f"fetch_seconds: {policy.fetch_seconds}: not from 1 to 3600")
            self._set("offline", how, "fetch_collateral", qcnl, policy.offline.encode(), policy.fetch_seconds)

    def _set(self, name: str, value: object, function: str, *arguments: object) -> None:
        code = getattr(self._library, "cloister_verifier_" + function)(self._handle, *arguments)
        if code == -22:
            raise ValueError(f"{name}: {value}: malformed")
        if code < 0:
            raise OSError(-code, f"{name}: {os.strerror(-code)}", str(value))

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.cloister_verifier_free(self._handle)
            self._handle = None

    def examine(self, certificate: bytes, now: Optional[float] = None) -> Report:
        """What there is to say about a certificate (DER) at a time (seconds since 1970; default: the clock's)."""
        raw = _Report()
        self._library.cloister_verify_certificate(
            self._handle, certificate, len(certificate), int(self._clock() if now is None else now), ctypes.byref(raw)
        )
        return Report(
            accepted=raw.accepted == 1,
            reason=raw.reason.decode(),
            words=raw.words.decode(),
            code=raw.code,
            quote_verified=raw.quote_verified == 1,
            tcb_status=raw.tcb_status.decode(),
            mrenclave=bytes(raw.mrenclave).hex(),
            mrsigner=bytes(raw.mrsigner).hex(),
            isv_prod_id=raw.isv_prod_id,
            isv_svn=raw.isv_svn,
            debug=raw.debug != 0,
            tcb_date=raw.tcb_date,
            earliest_expiration=raw.earliest_expiration,
        )

    def verify(self, certificate: bytes, now: Optional[float] = None) -> Report:
        """As examine(), but AttestationError unless the certificate was accepted."""
        report = self.examine(certificate, now)
        if not report.accepted:
            raise AttestationError(report)
        return report


_NO_CERTIFICATE = Report(
    False, "no-certificate", "the peer sent no certificate", -0x2180, False, "Unknown", "", "", 0, 0, False, 0, 0
)


def _judge(context: ssl.SSLContext, certificate: Optional[bytes]) -> Report:
    assert isinstance(context, AttestedContext)
    if not certificate:
        raise AttestationError(_NO_CERTIFICATE)
    return context.verifier.verify(certificate)


class _AttestedObject(ssl.SSLObject):
    """What asyncio and anyio use. Nothing passes before the enclave was accepted."""

    attestation: Optional[Report] = None

    def do_handshake(self) -> None:
        super().do_handshake()
        self.attestation = _judge(self.context, self.getpeercert(True))

    def write(self, data: Any) -> int:
        _require(self.attestation)
        return super().write(data)

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        _require(self.attestation)
        return super().read(len, buffer) if buffer is not None else super().read(len)


class _AttestedSocket(ssl.SSLSocket):
    """What blocking clients use. Nothing passes before the enclave was accepted; a refused connection is closed."""

    attestation: Optional[Report] = None

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        try:
            self.attestation = _judge(self.context, self.getpeercert(True))
        except BaseException:
            self.close()
            raise

    def send(self, data: Any, flags: int = 0) -> int:
        _require(self.attestation)
        return super().send(data, flags)

    def write(self, data: Any) -> int:
        _require(self.attestation)
        return super().write(data)

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        _require(self.attestation)
        return super().read(len, buffer)


def _require(report: Optional[Report]) -> None:
    # OpenSSL would do the handshake by itself on the first write, and nobody would have looked at the quote.
    if report is None:
        raise ssl.SSLError(1, "the handshake has not been done: the enclave is not verified")


def _fixed(what: str) -> NoReturn:
    raise ValueError(f"{what}: an attested context accepts enclaves by their quotes only")


class AttestedContext(ssl.SSLContext):
    """A client's TLS context whose peers must be accepted enclaves. Usable wherever an ssl.SSLContext is."""

    verifier: Verifier
    sslsocket_class = _AttestedSocket
    sslobject_class = _AttestedObject

    # A subclass cannot tell OpenSSL to ask for a chain and ignore it, so OpenSSL is told to check nothing; to those who ask,
    # the truth is that a certificate is required. Libraries that set it (urllib3) cannot weaken the policy.
    @property
    def verify_mode(self) -> ssl.VerifyMode:
        """Always CERT_REQUIRED."""
        return ssl.CERT_REQUIRED

    @verify_mode.setter
    def verify_mode(self, value: Union[int, ssl.VerifyMode]) -> None:
        if value == ssl.CERT_NONE:
            return  # "not by certification authorities" is what happens anyway

    def wrap_socket(self, sock: socket.socket, server_side: bool = False, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """As ssl.SSLContext.wrap_socket(); AttestationError when the enclave is refused."""
        if server_side:
            _fixed("server_side")
        return super().wrap_socket(sock, server_side, *args, **kwargs)


def ssl_context(verifier: Union[Verifier, Policy]) -> AttestedContext:
    """A TLS context for clients. http.client, urllib, asyncio, requests, httpx and others take it as their context."""
    context = AttestedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verifier = verifier if isinstance(verifier, Verifier) else Verifier(verifier)
    context.check_hostname = False  # the certificate is named "RATLS"
    ssl.SSLContext.verify_mode.__set__(context, ssl.CERT_NONE)  # type: ignore[attr-defined]
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def fetch_certificate(host: str, port: int, verifier: Union[Verifier, Policy], timeout: float = 30.0) -> bytes:
    """The verified certificate of an enclave as PEM, for programs that cannot verify quotes: curl --cacert FILE.

    Raises AttestationError, OSError. Whoever uses the file trusts this verification, and the key in it, until he fetches anew.
    """
    context = ssl_context(verifier)
    with socket.create_connection((host, port), timeout) as raw:
        with context.wrap_socket(raw, server_hostname=host) as tls:
            certificate = tls.getpeercert(True)
    assert certificate is not None
    return ssl.DER_cert_to_PEM_cert(certificate).encode("ascii")


class Client:
    """Small HTTPS client: a new verified connection for each request.

    url        "https://host[:port][/path][?query]"
    verifier   a Verifier, or a Policy to make one of
    """

    def __init__(self, url: str, verifier: Union[Verifier, Policy], timeout: float = 30.0) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{url}: not an https address")
        self._host, self._port = parts.hostname, parts.port or 443
        self._path, self._query, self._timeout = parts.path.rstrip("/"), parts.query, timeout
        self.context = ssl_context(verifier)

    def _target(self, endpoint: str) -> str:
        path, _, query = endpoint.partition("?")
        query = "&".join(q for q in (self._query, query) if q)
        return f"{self._path}/{path.lstrip('/')}" + (f"?{query}" if query else "")

    def request(
        self, method: str, endpoint: str = "", headers: Optional[Mapping[str, str]] = None, data: Any = None
    ) -> http.client.HTTPResponse:
        """One request. Raises AttestationError before anything was sent; OSError; http.client.HTTPException."""
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self.context)
        sent = {"Connection": "close", **(headers or {})}
        try:
            connection.request(method, self._target(endpoint), body=data, headers=sent)
            return connection.getresponse()  # closes the connection when it has been read
        except BaseException:
            connection.close()
            raise

    def get(self, endpoint: str = "", headers: Optional[Mapping[str, str]] = None) -> http.client.HTTPResponse:
        """GET."""
        return self.request("GET", endpoint, headers)

    def post(
        self, endpoint: str = "", headers: Optional[Mapping[str, str]] = None, data: Any = None
    ) -> http.client.HTTPResponse:
        """POST data: bytes, str, a file or an iterable of bytes."""
        return self.request("POST", endpoint, headers, data)
