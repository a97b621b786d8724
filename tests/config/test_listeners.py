from __future__ import annotations

import pytest

from pykbroker.config import (
    AUTO,
    Address,
    Config,
    ConfigError,
    Listener,
    Listeners,
    load,
    read_listeners,
)

PLAINTEXT = "PLAINTEXT"
OPEN = {"pykbroker.allow.open.plaintext": "true"}
MAP = {
    "listener.security.protocol.map": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT",
    "inter.broker.listener.name": "INSIDE",
}


def test_a_broker_listens_on_loopback_and_tells_clients_the_address_they_came_to() -> None:
    assert read_listeners(Config()) == Listeners(
        (Listener(PLAINTEXT, PLAINTEXT, "127.0.0.1", 9092, AUTO),), PLAINTEXT, ()
    )


def test_named_listeners_have_their_protocols_and_addresses() -> None:
    config = Config(
        {
            "listeners": "INSIDE://localhost:9092,outside://127.0.0.2:9094",
            "advertised.listeners": "INSIDE://auto,OUTSIDE://kafka.example.org:19094",
        }
        | MAP
    )

    assert read_listeners(config) == Listeners(
        (
            Listener("INSIDE", PLAINTEXT, "localhost", 9092, AUTO),
            Listener("OUTSIDE", PLAINTEXT, "127.0.0.2", 9094, Address("kafka.example.org", 19094)),
        ),
        "INSIDE",
        (),
    )


def test_a_listener_that_is_not_advertised_tells_nothing() -> None:
    config = Config(
        {
            "listeners": "INSIDE://localhost:9092,OUTSIDE://localhost:9094",
            "advertised.listeners": "INSIDE://localhost:9092",
        }
        | MAP
    )

    assert [listener.advertised for listener in read_listeners(config).listeners] == [
        Address("localhost", 9092),
        None,
    ]


def test_controllers_listeners_are_not_opened_and_that_is_told() -> None:
    config = Config(
        {
            "listeners": "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093",
            "advertised.listeners": "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
        }
    )

    read = read_listeners(config)

    assert [listener.name for listener in read.listeners] == [PLAINTEXT]
    assert read.notices == (
        "controller listener CONTROLLER is not opened: there is no quorum of controllers here",
    )


def test_an_empty_host_is_loopback_and_that_is_told() -> None:
    read = read_listeners(Config({"listeners": "PLAINTEXT://:9092"}))

    assert read.listeners[0].host == "127.0.0.1"
    assert read.notices == (
        (
            "listener PLAINTEXT has no host and no password, so it is bound to 127.0.0.1;"
            " pykbroker.allow.open.plaintext=true binds every interface"
        ),
    )


@pytest.mark.parametrize("host", ["", "0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_any_address_is_bound_when_that_is_allowed(host: str) -> None:
    text = f"PLAINTEXT://[{host}]:9092" if ":" in host else f"PLAINTEXT://{host}:9092"

    read = read_listeners(Config({"listeners": text} | OPEN))

    assert (read.listeners[0].host, read.notices) == (host, ())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "[::]", "127.evil.example", "h"])
def test_an_address_that_others_reach_is_refused_without_a_password(host: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_listeners(Config({"listeners": f"PLAINTEXT://{host}:9092"}))

    assert refused.value.message == (
        f"listener PLAINTEXT://{host.strip('[]')}:9092 would let anyone who reaches this machine"
        " read and write without a password; write 127.0.0.1, or"
        " pykbroker.allow.open.plaintext=true if that is what you want"
    )


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_loopback_has_many_names(host: str) -> None:
    read_listeners(Config({"listeners": f"PLAINTEXT://{host}:9092"}))


def test_the_protocol_between_brokers_names_their_listener_when_nothing_else_does() -> None:
    config = Config(
        {"listeners": "INSIDE://localhost:1,PLAINTEXT://localhost:2"}
        | {"listener.security.protocol.map": "INSIDE:PLAINTEXT,PLAINTEXT:PLAINTEXT"}
    )

    assert read_listeners(config).inter_broker == PLAINTEXT


def test_two_listeners_share_a_port_when_one_is_ipv4_and_the_other_ipv6() -> None:
    config = Config({"listeners": "INSIDE://127.0.0.1:9092,OUTSIDE://[::1]:9092"} | MAP)

    assert [listener.port for listener in read_listeners(config).listeners] == [9092, 9092]


@pytest.mark.parametrize(
    ("static", "sentence"),
    [
        (
            {"listeners": "localhost:9092"},
            (
                "listeners: localhost:9092 is not NAME://host:port;"
                " write, for example, listeners=PLAINTEXT://127.0.0.1:9092"
            ),
        ),
        (
            {"listeners": "PLAINTEXT://localhost:70000"},
            (
                "listeners: PLAINTEXT://localhost:70000 is not NAME://host:port;"
                " write, for example, listeners=PLAINTEXT://127.0.0.1:9092"
            ),
        ),
        (
            {"listeners": "PLAINTEXT://localhost:1,plaintext://localhost:2"},
            "listeners names PLAINTEXT twice; give each listener a name of its own",
        ),
        (
            {"listeners": "INSIDE://localhost:1,OUTSIDE://localhost:1"} | MAP,
            (
                "listeners=INSIDE://localhost:1,OUTSIDE://localhost:1 has port 1 twice;"
                " give each listener a port of its own"
            ),
        ),
        (
            {"listeners": "INSIDE://:1,OUTSIDE://[::1]:1"} | MAP,
            (
                "listeners=INSIDE://:1,OUTSIDE://[::1]:1 has port 1 twice;"
                " give each listener a port of its own"
            ),
        ),
        (
            {"listeners": "INSIDE://localhost:1"},
            (
                "listener INSIDE has no security protocol;"
                " add INSIDE:PLAINTEXT to listener.security.protocol.map"
            ),
        ),
        (
            {"listeners": "SSL://localhost:1"},
            (
                "listener SSL needs SSL, which is not served yet;"
                " write SSL:PLAINTEXT in listener.security.protocol.map"
            ),
        ),
        (
            {"listener.security.protocol.map": "PLAINTEXT:PLAIN"},
            (
                "listener.security.protocol.map: PLAINTEXT:PLAIN is not NAME:PROTOCOL;"
                " write one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL after the colon"
            ),
        ),
        (
            {"listeners": "CONTROLLER://localhost:1"},
            (
                "listeners names no listener for clients, only controllers';"
                " write listeners=PLAINTEXT://127.0.0.1:9092"
            ),
        ),
        (
            {"advertised.listeners": "OUTSIDE://localhost:1"},
            "advertised.listeners names OUTSIDE, which listeners does not; write one of PLAINTEXT",
        ),
        (
            {"advertised.listeners": "PLAINTEXT://0.0.0.0:9092"},
            (
                "advertised.listeners: no client can reach PLAINTEXT://0.0.0.0:9092;"
                " write the host that clients use, or PLAINTEXT://auto"
            ),
        ),
        (
            {
                "listeners": "INSIDE://localhost:1",
                "listener.security.protocol.map": "INSIDE:PLAINTEXT",
            },
            (
                "brokers have no listener PLAINTEXT among themselves;"
                " write inter.broker.listener.name=INSIDE"
            ),
        ),
        (
            {
                "listeners": "INSIDE://localhost:1,OUTSIDE://localhost:2",
                "advertised.listeners": "OUTSIDE://localhost:2",
            }
            | MAP,
            (
                "brokers have no listener INSIDE among themselves;"
                " write inter.broker.listener.name=OUTSIDE"
            ),
        ),
        (
            {
                "inter.broker.listener.name": "PLAINTEXT",
                "security.inter.broker.protocol": "PLAINTEXT",
            },
            (
                "inter.broker.listener.name and security.inter.broker.protocol exclude each other;"
                " write inter.broker.listener.name alone"
            ),
        ),
    ],
)
def test_listeners_that_make_no_sense_are_refused_with_what_to_write_instead(
    static: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read_listeners(Config(static))

    assert refused.value.message == sentence


def test_a_port_replaces_the_listeners_and_the_advertised_one_that_equals_it() -> None:
    config = load(
        overrides=[
            "listeners=PLAINTEXT://:9092,CONTROLLER://:9093",
            "advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
        ],
        port=0,
    )

    assert config.static["listeners"] == "PLAINTEXT://:0,CONTROLLER://:9093"
    assert config.static["advertised.listeners"] == (
        "PLAINTEXT://localhost:0,CONTROLLER://localhost:9093"
    )


def test_a_port_leaves_another_advertised_port_alone() -> None:
    config = load(overrides=["advertised.listeners=PLAINTEXT://proxy:30000"], port=5000)

    assert config.static["advertised.listeners"] == "PLAINTEXT://proxy:30000"


@pytest.mark.parametrize(
    ("overrides", "port", "sentence"),
    [
        ([], 65_536, "--port 65536 is no port; write a number from 0 to 65535"),
        ([], -1, "--port -1 is no port; write a number from 0 to 65535"),
        (
            ["listeners=A://localhost:1,B://localhost:2"],
            5,
            "--port 5 is for one listener, but there are A, B; write the ports in listeners",
        ),
        (
            ["listeners=CONTROLLER://localhost:1"],
            5,
            "--port 5 is for one listener, but there are none; write the ports in listeners",
        ),
    ],
)
def test_a_port_without_one_listener_to_give_it_to_is_refused(
    overrides: list[str], port: int, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(overrides=overrides, port=port)

    assert refused.value.message == sentence
