"""Inside an enclave: a fresh key, and a certificate that proves which enclave holds it.

    from cloister import attest
    attest.write_key_and_certificate("/tmp/key.pem", "/tmp/crt.pem")
    uvicorn.run("app:app", ssl_keyfile="/tmp/key.pem", ssl_certfile="/tmp/crt.pem")

Write the key to a place that the host cannot read: a tmpfs mount, or an encrypted one. The certificate's dates come from
RA_TLS_CERT_TIMESTAMP_NOT_BEFORE and RA_TLS_CERT_TIMESTAMP_NOT_AFTER.
"""

import base64
import ctypes
import os
import ssl
import tempfile
import textwrap
from typing import NamedTuple, Union

from cloister._library import load

__all__ = ["KeyAndCertificate", "NotInEnclave", "create", "server_context", "write_key_and_certificate"]

Path = Union[str, "os.PathLike[str]"]

_Bytes = ctypes.POINTER(ctypes.c_uint8)


class NotInEnclave(OSError):
    """No quote could be had: not in an enclave, or its manifest has no sgx.remote_attestation = "dcap"."""


class KeyAndCertificate(NamedTuple):
    """A P-384 key (SEC1 ECPrivateKey) and its RA-TLS certificate (X.509), both DER."""

    key: bytes
    certificate: bytes

    def key_pem(self) -> bytes:
        """The key as PEM."""
        return _pem("EC PRIVATE KEY", self.key)

    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return _pem("CERTIFICATE", self.certificate)


def _pem(label: str, der: bytes) -> bytes:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode("ascii")


def create() -> KeyAndCertificate:
    """A new key and a certificate with this enclave's quotes over it.

    NotInEnclave: /dev/attestation is not readable. ValueError: malformed RA_TLS_CERT_TIMESTAMP_*. OSError: the library was
    not found, or failed.
    """
    library = load("libra_tls_attest.so")
    key, certificate = _Bytes(), _Bytes()
    key_size, certificate_size = ctypes.c_size_t(), ctypes.c_size_t()
    function = library.ra_tls_create_key_and_crt_der
    function.restype = ctypes.c_int
    code = function(
        ctypes.byref(key), ctypes.byref(key_size), ctypes.byref(certificate), ctypes.byref(certificate_size)
    )
    if code == -0x2900:
        raise NotInEnclave(
            "/dev/attestation gives no quote: run inside an enclave whose manifest says sgx.remote_attestation = \"dcap\""
        )
    if code == -0x2800:
        raise ValueError("RA_TLS_CERT_TIMESTAMP_NOT_BEFORE or _NOT_AFTER is not of the form YYYYMMDDhhmmss")
    if code != 0:
        raise OSError(f"no RA-TLS certificate could be made ({code})")
    try:
        return KeyAndCertificate(
            ctypes.string_at(key, key_size.value), ctypes.string_at(certificate, certificate_size.value)
        )
    finally:
        ctypes.memset(key, 0, key_size.value)
        libc = ctypes.CDLL(None)
        libc.free.argtypes = [ctypes.c_void_p]
        libc.free.restype = None
        libc.free(key)
        libc.free(certificate)


def _write(path: Path, data: bytes, mode: int) -> None:
    """All or nothing: a reader sees the old file or the new one."""
    name = os.fspath(path)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(name) or ".", prefix=".ratls-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, name)
    except BaseException:
        os.unlink(temporary)
        raise


def write_key_and_certificate(key_path: Path, certificate_path: Path, format: str = "pem") -> KeyAndCertificate:
    """Make a key and a certificate and write them: the key readable by its owner only, the certificate by all.

    format is "pem" or "der". Returns what was written. Raises as create() does, and OSError of writing.
    """
    if format not in ("pem", "der"):
        raise ValueError(f'format: "pem" or "der", not {format!r}')
    made = create()
    pem = format == "pem"
    _write(key_path, made.key_pem() if pem else made.key, 0o600)
    _write(certificate_path, made.certificate_pem() if pem else made.certificate, 0o644)
    return made


def server_context() -> ssl.SSLContext:
    """A server's TLS context with a fresh RA-TLS certificate. Raises as create() does."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory(prefix="ratls-") as folder:  # ssl reads keys from files only
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "crt.pem")
        write_key_and_certificate(key, certificate)
        context.load_cert_chain(certificate, key)
    return context
