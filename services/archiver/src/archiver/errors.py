"""What can go wrong here beyond the families of `kit.errors`."""

from kit.errors import Fault


class PartDiedError(Fault):
    """The part of the archiver that writes one table ended with an error that nobody foresaw."""
