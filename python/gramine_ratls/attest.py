"""RA-TLS keys and certificates, under the names of the package gramine-ratls. New programs: cloister.attest."""

import base64
import ctypes
import textwrap
from typing import Any


def get_pem_bytes_from_der(header: str, footer: str, ctypes_der_ptr: Any, ctypes_der_size: Any) -> bytes:
    """PEM of DER bytes in C memory. header and footer are whole lines: "-----BEGIN X-----\\n" or without the newline."""
    size = getattr(ctypes_der_size, "value", ctypes_der_size)
    der = ctypes.string_at(ctypes_der_ptr, size)
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"{header.rstrip()}\n{body}\n{footer.rstrip()}\n".encode("ascii")


def write_ra_tls_key_and_crt(key_file_path: str, cert_file_path: str, format: str = "pem") -> None:
    """Make a key and a certificate with this enclave's quote, and write them: the key first.

    format is "pem" or "der". Exception: the library failed (no enclave), or format is neither. OSError: library not found,
    file not written.
    """
    library = ctypes.CDLL("libra_tls_attest.so")
    pointer = ctypes.POINTER(ctypes.c_uint8)
    key, crt, key_size, crt_size = pointer(), pointer(), ctypes.c_size_t(), ctypes.c_size_t()
    code = library.ra_tls_create_key_and_crt_der(
        ctypes.byref(key), ctypes.byref(key_size), ctypes.byref(crt), ctypes.byref(crt_size)
    )
    if code < 0:
        raise Exception(f"ra_tls_create_key_and_crt_der returned {code}")
    try:
        if format == "pem":
            key_bytes = get_pem_bytes_from_der(
                "-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----", key, key_size
            )
            crt_bytes = get_pem_bytes_from_der(
                "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", crt, crt_size
            )
        elif format == "der":
            key_bytes = ctypes.string_at(key, key_size.value)
            crt_bytes = ctypes.string_at(crt, crt_size.value)
        else:
            raise Exception(f'format: "pem" or "der", not {format!r}')
    finally:
        ctypes.memset(key, 0, key_size.value)
        libc = ctypes.CDLL(None)
        libc.free.argtypes = [ctypes.c_void_p]
        libc.free(key)
        libc.free(crt)
    with open(key_file_path, "wb") as file:
        file.write(key_bytes)
    with open(cert_file_path, "wb") as file:
        file.write(crt_bytes)
