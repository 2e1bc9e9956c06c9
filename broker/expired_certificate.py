"""Which certificate of a server has expired, and when: OpenSSL only says that one has."""

import asyncio
import ssl
from typing import Final

_LOOK_S: Final = 2.0


async def describe(host: str, port: int) -> str:
    """Return its name and its last moment, ` (of db.lab, valid until 2026-11-21 20:00 UTC)`.

    Nothing is sent to the server but a greeting; empty where it does not show one just now.
    """
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(_LOOK_S):
            _, writer = await asyncio.open_connection(host, port, ssl=trusting)
            try:
                shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""
    return _words(shown) if shown else ""


def _words(der: bytes) -> str:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return ""
    name = str(names[0].value) if names else certificate.subject.rfc4514_string()
    return f" (of {name[:100]!r}, valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC)"
