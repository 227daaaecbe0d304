"""Attested TLS for Python.

Inside an enclave, `cloister.attest` makes a key and a certificate that carries the enclave's quote. Outside,
`cloister.verify` connects only to enclaves that meet a policy: it decides in the TLS handshake, before a byte of HTTP is
sent. `cloister.requests` and `cloister.httpx` are adapters for those libraries.

The deciding is done by Cloister's shared libraries (libcloister.so, libra_tls_attest.so), found as the dynamic loader
finds libraries.
"""

__version__ = "0.1.0"
