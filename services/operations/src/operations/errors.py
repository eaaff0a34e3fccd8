"""What the `payments` command can fail with, by family."""

from kit.errors import Fault, Rejected, Transient


class DeploymentError(Fault):
    """A topic, schema or table cannot be brought to what its contract says."""


class RefreshError(Fault):
    """Silver and Gold could not be built."""


class ErasureError(Fault):
    """What is stored of somebody cannot be erased, or not all of it."""


class UnavailableError(Transient):
    """A server that the operation needs does not answer."""


class ForestalledError(UnavailableError):
    """Another writer changed the table first; nothing was done."""


class LedgerError(Rejected):
    """The ledger cannot be read; the message names the file and line."""


class MerchantError(Rejected):
    """What is said of a merchant cannot be, or nobody has registered it."""


class SizingError(Rejected):
    """What sizing is to compute with makes no sense; the message names the file and what is wrong in it."""
