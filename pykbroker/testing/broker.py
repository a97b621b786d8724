"""The real broker in a thread of this process, with the profile that test harnesses set.

Nothing is faked: without a data directory its files and its metadata are in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike, fspath
from types import TracebackType
from typing import Self

import trio

from pykbroker.broker import cause_of, serve
from pykbroker.config import Settings, data_directories, load, read_listeners
from pykbroker.listening import address_text

PROFILE = "test"


class BrokerError(Exception):
    """The broker could not start, or ended by itself; the cause says why."""


class Broker:
    """A broker that runs from `start` to `stop`, or while a `with` block lasts.

    Properties are Kafka's with `_` for `.`, as in `Broker(num_partitions=3)`, or verbatim by
    `properties={"num.partitions": 3}`. `data_dir` keeps data there; a later broker
    on the same directory has it again. `port` 0 takes a free port; a stopped broker can be started
    again and then keeps its port, unless the property `listeners` names ports itself.
    """

    def __init__(
        self,
        *,
        data_dir: str | PathLike[str] | None = None,
        port: int = 0,
        profile: str = PROFILE,
        properties: dict[str, object] | None = None,
        **named: object,
    ) -> None:
        given = {name.replace("_", "."): value for name, value in named.items()}
        given |= properties or {}
        self._properties = {name: _text(value) for name, value in given.items()}
        self._profile = profile
        self._data_dir = None if data_dir is None else fspath(data_dir)
        if self._data_dir is not None:
            self._properties["log.dirs"] = self._data_dir
        self._port = port
        self._addresses: Sequence[tuple[str, int]] = ()
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._stop: trio.Event | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to, "host:port,…"; raises BrokerError while it does not run."""
        if self._thread is None:
            raise BrokerError("the broker is not running; call start() or use it in `with`")
        self._check_alive()
        return ",".join(map(address_text, self._addresses))

    @property
    def port(self) -> int:
        """The port of the first listener; 0 before the first start of a broker with port 0."""
        return self._port

    def start(self) -> None:
        """Start; return when a produce would succeed.

        Raises ConfigError for a property that is wrong, BrokerError when it cannot start.
        """
        if self._thread is not None:
            raise BrokerError("the broker is running already; stop() it first")
        given = ("Broker", self._properties)
        config = load(profile=self._profile, file=given, port=self._listens_at())
        read_listeners(config)
        data = None if self._data_dir is None else data_directories(config)
        settings = Settings(config, data, ready_file=None)
        self._started.clear()
        self._failure = None
        self._thread = threading.Thread(
            target=self._run, args=(settings,), name="pykbroker", daemon=True
        )
        self._thread.start()
        self._started.wait()
        failure = self._fault()
        if failure is not None:
            self._join()
            raise BrokerError(f"the broker did not start: {failure}") from failure

    def stop(self) -> None:
        """Stop: requests finish, data is flushed, the port is free. Idempotent.

        Raises BrokerError when the broker had ended by itself.
        """
        if self._thread is None:
            return
        token, stop = self._token, self._stop
        if token is not None and stop is not None:
            with suppress(trio.RunFinishedError):  # it ended by itself; why is told below
                token.run_sync_soon(stop.set)
        self._join()
        self._check_alive()

    def _fault(self) -> BaseException | None:
        return None if self._failure is None else cause_of(self._failure)

    def _check_alive(self) -> None:
        failure = self._fault()
        if failure is not None:
            raise BrokerError(
                f"the broker ended by itself: {str(failure) or repr(failure)}"
            ) from failure

    def _listens_at(self) -> int | None:
        """The port to ask for; None where the properties name listeners of their own."""
        return None if "listeners" in self._properties else self._port

    def _join(self) -> None:
        assert self._thread is not None
        self._thread.join()
        self._thread = None

    def _run(self, settings: Settings) -> None:
        try:
            trio.run(self._serve, settings)
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that started it
            self._failure = failure
        finally:
            self._started.set()

    async def _serve(self, settings: Settings) -> None:
        self._token, self._stop = trio.lowlevel.current_trio_token(), trio.Event()
        await serve(settings, stop=self._stop, ready=self._ready)

    def _ready(self, addresses: Sequence[tuple[str, int]]) -> None:
        self._addresses = addresses
        self._port = addresses[0][1]
        self._started.set()


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
