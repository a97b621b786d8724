"""The addresses a broker listens on and the addresses it tells, out of its properties.

A listener without encryption and password is reached from this machine only, unless
`pykbroker.allow.open.plaintext` says otherwise: an empty host, which is every interface in Kafka,
then is the loopback address, and any other address is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pykbroker.config.property import ConfigError

if TYPE_CHECKING:
    from pykbroker.config.layers import Config

AUTO: Literal["auto"] = "auto"
LOOPBACK = "127.0.0.1"
SERVED_PROTOCOLS = ("PLAINTEXT",)
SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")

_ENDPOINT = re.compile(r"(?P<name>[^:/]+)://\[?(?P<host>[0-9a-zA-Z\-%._:]*?)\]?:(?P<port>[0-9]+)")
_AUTO = re.compile(r"([^:/]+)://auto")
_LOOPBACK = re.compile(r"localhost|::1|127(\.[0-9]{1,3}){3}", re.IGNORECASE)
_PORT_MAX = 65_535


class Address(NamedTuple):
    """A host and a port; port 0 is the one that the listener got."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener for clients and other brokers."""

    name: str
    """In capitals, as clients and brokers name it."""
    security_protocol: str
    host: str
    """The address to bind; "" is every interface."""
    port: int
    """0 takes any free one."""
    advertised: Address | Literal["auto"] | None
    """What clients are told: an address, the one they came to, or nothing (LISTENER_NOT_FOUND)."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """What a broker opens; `notices` are sentences for the log about what it does not."""

    listeners: tuple[Listener, ...]
    inter_broker: str
    """The name of the listener that brokers use among themselves."""
    notices: tuple[str, ...]


def read_listeners(config: Config) -> Listeners:
    """Give the listeners that `config` describes; raise ConfigError when it makes no sense."""
    controllers = tuple(name.upper() for name in config.items("controller.listener.names"))
    endpoints = _endpoints("listeners", config.items("listeners"))
    _check_ports(config.items("listeners"), endpoints)
    protocols = _protocols(config)
    advertised = _advertised(config, endpoints, controllers)
    hostless: list[str] = []
    opened: list[Listener] = []
    for name, address in endpoints.items():
        if name in controllers:
            continue
        protocol = _served(name, protocols)
        host = _bound_host(config, name, address)
        if host != address.host:
            hostless.append(name)
        opened.append(Listener(name, protocol, host, address.port, advertised.get(name)))
    if not opened:
        raise ConfigError(
            "listeners names no listener for clients, only controllers';"
            " write listeners=PLAINTEXT://127.0.0.1:9092"
        )
    notices = _notices(hostless, [name for name in controllers if name in endpoints])
    return Listeners(tuple(opened), _inter_broker(config, opened), notices)


def replace_port(config: Config, port: int) -> dict[str, str]:
    """Give `listeners`, and what follows it, with `port` for the only listener of clients."""
    if not 0 <= port <= _PORT_MAX:
        raise ConfigError(f"--port {port} is no port; write a number from 0 to {_PORT_MAX}")
    controllers = {name.upper() for name in config.items("controller.listener.names")}
    before = {
        name: address.port
        for name, address in _endpoints("listeners", config.items("listeners")).items()
        if name not in controllers
    }
    if len(before) != 1:
        raise ConfigError(
            f"--port {port} is for one listener, but there are {', '.join(before) or 'none'};"
            " write the ports in listeners"
        )
    ((name, old),) = before.items()
    ours = re.compile(rf"(?i)({re.escape(name)}://.*:){old}")

    def replaced(items: tuple[str, ...]) -> str:
        return ",".join(ours.sub(rf"\g<1>{port}", item) for item in items)

    changed = {"listeners": replaced(config.items("listeners"))}
    if config.is_set("advertised.listeners"):
        changed["advertised.listeners"] = replaced(config.items("advertised.listeners"))
    return changed


def _endpoints(what: str, items: tuple[str, ...]) -> dict[str, Address]:
    """Give the address of each listener by its name in capitals."""
    endpoints: dict[str, Address] = {}
    for item in items:
        found = _ENDPOINT.fullmatch(item)
        if found is None or int(found["port"]) > _PORT_MAX:
            raise ConfigError(
                f"{what}: {item} is not NAME://host:port; write, for example,"
                f" {what}=PLAINTEXT://127.0.0.1:9092"
            )
        name = found["name"].upper()
        if name in endpoints:
            raise ConfigError(f"{what} names {name} twice; give each listener a name of its own")
        endpoints[name] = Address(found["host"], int(found["port"]))
    return endpoints


def _check_ports(items: tuple[str, ...], endpoints: Mapping[str, Address]) -> None:
    """Refuse two listeners on one port, unless one is IPv4 and the other IPv6."""
    by_port: dict[int, list[str]] = {}
    for address in endpoints.values():
        if address.port:
            by_port.setdefault(address.port, []).append(address.host)
    for port, hosts in by_port.items():
        families = {":" in host for host in hosts}
        if len(hosts) > 1 and not (len(hosts) == len(families) and all(hosts)):
            raise ConfigError(
                f"listeners={','.join(items)} has port {port} twice; give each listener a port of"
                " its own"
            )


def _protocols(config: Config) -> dict[str, str]:
    """Give the security protocol of each listener name."""
    what = "listener.security.protocol.map"
    protocols: dict[str, str] = {}
    for item in filter(None, map(str.strip, config.text(what).split(","))):
        name, _, protocol = item.partition(":")
        if protocol.upper() not in SECURITY_PROTOCOLS:
            raise ConfigError(
                f"{what}: {item} is not NAME:PROTOCOL; write one of {', '.join(SECURITY_PROTOCOLS)}"
                " after the colon"
            )
        protocols[name.strip().upper()] = protocol.upper()
    return protocols


def _served(name: str, protocols: Mapping[str, str]) -> str:
    protocol = protocols.get(name)
    if protocol is None:
        raise ConfigError(
            f"listener {name} has no security protocol; add {name}:PLAINTEXT to"
            " listener.security.protocol.map"
        )
    if protocol not in SERVED_PROTOCOLS:
        raise ConfigError(
            f"listener {name} needs {protocol}, which is not served yet;"
            f" write {name}:{' or '.join(SERVED_PROTOCOLS)} in listener.security.protocol.map"
        )
    return protocol


def _bound_host(config: Config, name: str, address: Address) -> str:
    if config.boolean("pykbroker.allow.open.plaintext") or _LOOPBACK.fullmatch(address.host):
        return address.host
    if not address.host:
        return LOOPBACK
    raise ConfigError(
        f"listener {name}://{address.host}:{address.port} would let anyone who reaches this machine"
        " read and write without a password; write 127.0.0.1, or"
        " pykbroker.allow.open.plaintext=true if that is what you want"
    )


def _advertised(
    config: Config, endpoints: Mapping[str, Address], controllers: tuple[str, ...]
) -> dict[str, Address | Literal["auto"]]:
    """Give what each listener tells its clients; a listener that is missing tells nothing."""
    items = config.items("advertised.listeners")
    if not items or items == (AUTO,):
        return dict.fromkeys(endpoints, AUTO)
    told: dict[str, Address | Literal["auto"]] = {
        found[1].upper(): AUTO for found in map(_AUTO.fullmatch, items) if found
    }
    fixed = tuple(item for item in items if not _AUTO.fullmatch(item))
    told |= _endpoints("advertised.listeners", fixed)
    for name, address in told.items():
        if name not in endpoints and name not in controllers:
            raise ConfigError(
                f"advertised.listeners names {name}, which listeners does not;"
                f" write one of {', '.join(endpoints)}"
            )
        if address != AUTO and address.host in ("", "0.0.0.0"):
            raise ConfigError(
                f"advertised.listeners: no client can reach {name}://{address.host}:{address.port};"
                f" write the host that clients use, or {name}://auto"
            )
    return told


def _inter_broker(config: Config, opened: list[Listener]) -> str:
    wanted = config.text("inter.broker.listener.name")
    if wanted and config.is_set("security.inter.broker.protocol"):
        raise ConfigError(
            "inter.broker.listener.name and security.inter.broker.protocol exclude each other;"
            " write inter.broker.listener.name alone"
        )
    name = (wanted or config.text("security.inter.broker.protocol")).upper()
    names = [listener.name for listener in opened if listener.advertised is not None]
    if name in names:
        return name
    raise ConfigError(
        f"brokers have no listener {name} among themselves;"
        f" write inter.broker.listener.name={names[0] if names else opened[0].name}"
    )


def _notices(hostless: list[str], controllers: list[str]) -> tuple[str, ...]:
    notices = []
    if hostless:
        notices.append(
            f"listener {', '.join(hostless)} has no host and no password, so it is bound to"
            f" {LOOPBACK}; pykbroker.allow.open.plaintext=true binds every interface"
        )
    if controllers:
        notices.append(
            f"controller listener {', '.join(controllers)} is not opened:"
            " there is no quorum of controllers here"
        )
    return tuple(notices)
