"""Loading Cloister's shared libraries by their bare names, as the dynamic loader finds them."""

import ctypes


def load(name: str) -> ctypes.CDLL:
    """The library of that name. OSError with a remedy when the loader does not find it."""
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise OSError(
            f"{error} (install Cloister's libraries, or name their folder in LD_LIBRARY_PATH)"
        ) from None
