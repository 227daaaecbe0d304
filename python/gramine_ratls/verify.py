"""An HTTPS client that verifies enclaves, under the names of the package gramine-ratls. New programs: cloister.verify.

Differences from the original, on purpose: headers are sent, a query keeps its "?", an integer is taken for isv_prod_id and
isv_svn and 0 means 0 (None: any), and a connection is closed when its response has been read. CLOISTER_TRUST_ROOT and
CLOISTER_COLLATERAL say whom to believe.
"""

import ctypes
import http.client
import os
import ssl
import threading
from typing import Any, Mapping, Optional, Union
from urllib.parse import urlparse

_environment = threading.Lock()  # the library's settings are the process's environment


class AttestationError(Exception):
    """The certificate was refused. Its argument is the library's negative number."""


class Client:
    """get() and post() to one server, which must be an enclave that meets the demands; each request verifies anew.

    mr_enclave, mr_signer             64 hexadecimal digits; None: any, but not both
    isv_prod_id, isv_svn              a number, as int or str; None: any
    allow_debug_enclave_insecure ...  accept what the name says
    protocol                          "dcap"

    ValueError: url is not https, or another protocol. TypeError: both measurements None. OSError: no library.
    """

    def __init__(
        self,
        url: str,
        mr_enclave: Optional[str],
        mr_signer: Optional[str],
        isv_prod_id: Union[str, int, None],
        isv_svn: Union[str, int, None],
        allow_debug_enclave_insecure: Optional[bool],
        allow_outdated_tcb_insecure: Optional[bool],
        allow_hw_config_needed: Optional[bool],
        allow_sw_hardening_needed: Optional[bool],
        protocol: str = "dcap",
    ) -> None:
        self.url = urlparse(url)
        if self.url.scheme != "https":
            raise ValueError(f"{url}: the scheme must be https")
        if mr_enclave is None and mr_signer is None:
            raise TypeError("one of mr_enclave and mr_signer must be given")
        if protocol != "dcap":
            raise ValueError(f"{protocol}: the only protocol is dcap")
        self._values: dict[str, Optional[str]] = {
            "RA_TLS_MRENCLAVE": mr_enclave or "any",
            "RA_TLS_MRSIGNER": mr_signer or "any",
            "RA_TLS_ISV_PROD_ID": _number(isv_prod_id),
            "RA_TLS_ISV_SVN": _number(isv_svn),
            "RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE": "1" if allow_debug_enclave_insecure else None,
            "RA_TLS_ALLOW_OUTDATED_TCB_INSECURE": "1" if allow_outdated_tcb_insecure else None,
            "RA_TLS_ALLOW_HW_CONFIG_NEEDED": "1" if allow_hw_config_needed else None,
            "RA_TLS_ALLOW_SW_HARDENING_NEEDED": "1" if allow_sw_hardening_needed else None,
        }
        self._verify = ctypes.CDLL("libra_tls_verify_dcap.so").ra_tls_verify_callback_extended_der
        self._verify.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
        self._verify.restype = ctypes.c_int
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE  # the quote decides: see _connect()

    def _check(self, certificate: bytes) -> None:
        with _environment:
            for name, value in self._values.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            code = self._verify(certificate, len(certificate), None)
        if code != 0:
            raise AttestationError(code)

    def _connect(self) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(self.url.netloc, context=self._context)
        try:
            connection.connect()
            self._check(connection.sock.getpeercert(binary_form=True) or b"")
        except BaseException:
            connection.close()
            raise
        return connection

    def _target(self, endpoint: str) -> str:
        query = f"?{self.url.query}" if self.url.query else ""
        return f"{self.url.path.rstrip('/')}/{endpoint.lstrip('/')}{query}"

    def _request(
        self, method: str, endpoint: str, headers: Optional[Mapping[str, str]], data: Any = None
    ) -> http.client.HTTPResponse:
        connection = self._connect()
        connection.request(method, self._target(endpoint), body=data, headers={"Connection": "close", **(headers or {})})
        return connection.getresponse()

    def get(self, endpoint: str, headers: Optional[Mapping[str, str]] = None) -> http.client.HTTPResponse:
        """GET url/endpoint. AttestationError before anything was sent."""
        return self._request("GET", endpoint, headers)

    def post(
        self, endpoint: str, headers: Optional[Mapping[str, str]] = None, data: Any = None
    ) -> http.client.HTTPResponse:
        """POST data to url/endpoint. AttestationError before anything was sent."""
        return self._request("POST", endpoint, headers, data)


def _number(value: Union[str, int, None]) -> str:
    return "any" if value is None else str(int(value)) if not isinstance(value, str) else value
