"""The keys that a provider publishes: a JSON Web Key Set (RFC 7517), fetched, kept and looked at again.

Fetching is never on the way of a webhook whose key is known: a set goes on being used when it is stale, and while its
server is away. What the server has taken out of it is gone with the next answer.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey
from kit.errors import Transient
from payments_contracts.providers import KeySet

from gateway.fetching import Document, Fetch

PublicKey = RSAKey | ECKey | OKPKey

_LOG = structlog.get_logger("gateway")
# Never an `oct`: whoever knows the set knows it, and could sign.
_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
_MOST: Final = 100
# Of 2,048 bits to 8,192: the characters of the modulus. A larger one would take long with each webhook.
_RSA_CHARACTERS: Final = range(342, 1367)
# What a server says of its set's age counts within these bounds.
_SHORTEST_FRESH: Final = 300.0
_LONGEST_FRESH: Final = 86_400.0
_USUAL_FRESH: Final = 3_600.0
# For so long a set is not fetched again because a webhook names a key that is not in it.
_SECONDS_SETTLED: Final = 30.0
_SECONDS_BETWEEN_TRIES: Final = 10.0


class PublishedKeys:
    """The public keys of one provider.

    Args:
        contract: Where they are, and which of them count.
        fetch: Gets the set.
        count: Told `fetched` or `failed` for each try.
        clock: A clock that never goes back, in seconds.
    """

    def __init__(
        self,
        contract: KeySet,
        fetch: Fetch,
        count: Callable[[str], None] = lambda _outcome: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.url, self.issuer = contract.url, contract.issuer
        self._pinned = frozenset(contract.thumbprints)
        self._fetch = fetch
        self._count = count
        self._clock = clock
        self._keys: Sequence[PublicKey] = ()
        self._fetched_at: float | None = None
        self._failed_at: float | None = None
        self._fresh = _USUAL_FRESH
        self._fetching: asyncio.Task[None] | None = None

    def named(self, kid: str | None) -> Sequence[PublicKey]:
        """Return the keys of a name, all where a signature names none."""
        return self._keys if kid is None else [key for key in self._keys if key.kid == kid]

    @property
    def is_settled(self) -> bool:
        """Tell whether the set was fetched so lately that a key which is not in it is none of the provider's."""
        return self._fetched_at is not None and self._clock() - self._fetched_at < _SECONDS_SETTLED

    async def fetch(self) -> None:
        """Get the set; who asks meanwhile waits for the same answer. Raises Transient, at once after a failure."""
        if self._fetching is None:
            if self._failed_at is not None and self._clock() - self._failed_at < _SECONDS_BETWEEN_TRIES:
                raise Transient("the provider's keys could not be fetched just now")
            self._fetching = asyncio.create_task(self._take())
            self._fetching.add_done_callback(self._done)
        await asyncio.shield(self._fetching)

    async def follow(self) -> None:
        """Fetch the set now and whenever it is stale, until cancelled."""
        while True:
            try:
                await self.fetch()
                wait = self._fresh
            except Transient as error:
                _LOG.warning("keys_not_fetched", detail=str(error))
                wait = _SECONDS_BETWEEN_TRIES
            except Exception:  # noqa: BLE001
                # Whatever it is, keys have to be looked at again.
                _LOG.exception("keys_not_fetched")
                wait = _SECONDS_BETWEEN_TRIES
            await asyncio.sleep(wait)

    def _done(self, _task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _take(self) -> None:
        try:
            document = await self._fetch(self.url)
            keys = await asyncio.to_thread(self._read, document)
        except Transient:
            self._failed_at = self._clock()
            self._count("failed")
            raise
        if keys != self._keys:
            _LOG.info("keys_taken", kids=[key.kid for key in keys])
        said = _USUAL_FRESH if document.fresh_seconds is None else document.fresh_seconds
        self._fresh = min(max(said, _SHORTEST_FRESH), _LONGEST_FRESH)
        self._keys, self._fetched_at, self._failed_at = keys, self._clock(), None
        self._count("fetched")

    def _read(self, document: Document) -> Sequence[PublicKey]:
        """Return the keys of a set that can verify signatures; raises Transient where there is none."""
        try:
            content = orjson.loads(document.content)
        except orjson.JSONDecodeError as error:
            raise Transient("what is at the address of the provider's keys is not JSON") from error
        listed = content.get("keys") if type(content) is dict else None
        if type(listed) is not list or len(listed) > _MOST:
            raise Transient(f"what is at the address of the provider's keys is not a set of at most {_MOST} keys")
        keys = [key for each in listed if (key := _key(each)) is not None]
        if self._pinned:
            keys = [key for key in keys if key.thumbprint() in self._pinned]
        if not keys:
            raise Transient("there is no key at the address of the provider's keys that may be used")
        return keys


def _key(data: Any) -> PublicKey | None:
    """Return a key of a set; None for one that does not verify signatures, or that is none."""
    if type(data) is not dict or data.get("kty") not in _KINDS or data.get("use", "sig") != "sig" or "d" in data:
        return None
    modulus = data.get("n")
    if data["kty"] == "RSA" and (type(modulus) is not str or len(modulus) not in _RSA_CHARACTERS):
        return None
    try:
        key = JWKRegistry.import_key(data)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None
