"""The command line: options become properties, properties become `Settings`, the broker runs.

Wrong properties end the command with status 2 and one sentence on stderr saying what to write
instead. argparse because it imports in 8 ms where click takes 32.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from pykbroker import __version__
from pykbroker.commands.dump_options import DESCRIPTION
from pykbroker.commands.dump_options import add_options as add_dump_options
from pykbroker.commands.repair_options import DESCRIPTION as REPAIR_DESCRIPTION
from pykbroker.commands.repair_options import add_options as add_repair_options
from pykbroker.config.java_properties import parse_properties
from pykbroker.config.layers import Config, load
from pykbroker.config.profiles import DEFAULT_PROFILE, PROFILES
from pykbroker.config.property import ConfigError
from pykbroker.config.settings import Settings, data_directories, start_notices

EXIT_WRONG_USE = 2
"""The exit status for a wrong option, property name or value, as argparse's own."""

EXIT_FAULT = 1
"""The exit status of a command that found something wrong."""

EXIT_INTERRUPTED = 130
"""The exit status when a person pressed Ctrl-C, as shells have it."""
_LINES_AT_ONCE = 500
_LEVELS = ("debug", "info", "warning", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's) ask for; give the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments).parse_args(arguments)
    try:
        if options.command == "serve":
            return _serve(options)
        if options.command == "dump-log":
            return _dump(options)
        if options.command == "repair":
            return _repair(options)
        if options.command in ("groups", "topics"):
            return _talk(options)
        return _show(options)
    except ConfigError as fault:
        print(f"pykbroker: {fault.message}", file=sys.stderr)
        return EXIT_WRONG_USE


def settings_of(options: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """Make the settings that the options of `serve` ask for; raise ConfigError for a fault."""
    if options.data_dir is not None:
        options.override.append(f"log.dirs={options.data_dir}")
    config = _config(options, environment, port=options.port)
    data = None if options.memory else data_directories(config)
    return Settings(config, data, options.ready_file)


def _serve(options: argparse.Namespace) -> int:
    import logging

    # Nothing that starting makes is garbage; looking for some takes a tenth of the start.
    gc.disable()
    settings = settings_of(options, os.environ)
    notices = start_notices(settings.config)
    logging.basicConfig(
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    log = logging.getLogger("pykbroker")
    where = "memory" if settings.data is None else ",".join(settings.data.log_dirs)
    log.info("properties profile=%s data=%s", options.profile, where)
    for notice in notices:
        log.warning("%s", notice)
    from pykbroker.process import run

    return run(settings)


def _show(options: argparse.Namespace) -> int:
    from pykbroker.config.listing import (
        list_differences,
        list_properties,
        list_topic_properties,
    )

    config = _config(options, os.environ)
    if options.diff:
        lines = list_differences(config, options.profile)
    elif options.topics:
        lines = list_topic_properties()
    else:
        lines = list_properties(config)
    _print(iter(["\n".join(lines).rstrip()]))
    return 0


def _dump(options: argparse.Namespace) -> int:
    from pykbroker.commands.dump_log import Dump

    dump = Dump(options)
    _print(dump.lines())
    if dump.verdict is None:
        return 0
    print(f"pykbroker: {dump.verdict}", file=sys.stderr)
    return EXIT_FAULT


def _repair(options: argparse.Namespace) -> int:
    from pykbroker.commands.repair import Repair

    repair = Repair(options)
    _print(repair.lines())
    return EXIT_FAULT if repair.is_damaged else 0


def _talk(options: argparse.Namespace) -> int:
    from pykbroker.commands.admin.run import Run

    if options.command == "groups":
        from pykbroker.commands.groups import ACTIONS
    else:
        from pykbroker.commands.topics import ACTIONS
    run = Run(options, is_terminal=sys.stdout.isatty())
    try:
        _print(run.lines(ACTIONS[options.action]))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    for sentence in (*run.notes, *run.problems):
        print(f"pykbroker: {sentence}", file=sys.stderr)
    return EXIT_FAULT if run.problems else 0


def _print(lines: Iterator[str]) -> None:
    try:
        while some := list(islice(lines, _LINES_AT_ONCE)):
            print("\n".join(some))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _config(
    options: argparse.Namespace, environment: Mapping[str, str], port: int | None = None
) -> Config:
    file: tuple[str, dict[str, str]] = ("", {})
    if options.config is not None:
        name = str(options.config)
        file = (name, parse_properties(_read(options.config), source=name))
    return load(
        profile=options.profile,
        file=file,
        environment=environment,
        overrides=options.override,
        port=port,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return path.read_text(encoding="latin-1")  # what Java's Properties.load takes
    except OSError as fault:
        raise ConfigError(
            f"--config {path} cannot be read ({fault.strerror}); write the path of a properties"
            " file"
        ) from None


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pykbroker",
        description="A broker that speaks Kafka's wire protocol.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pykbroker {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(
        commands.add_parser("serve", help="start a broker", description=_SERVE, allow_abbrev=False)
    )
    _add_config(
        commands.add_parser(
            "config", help="print the properties", description=_CONFIG, allow_abbrev=False
        )
    )
    add_dump_options(
        commands.add_parser(
            "dump-log", help="show log files", description=DESCRIPTION, allow_abbrev=False
        )
    )
    add_repair_options(
        commands.add_parser(
            "repair", help="look for damage", description=REPAIR_DESCRIPTION, allow_abbrev=False
        )
    )
    # options of many actions, declared when they are asked for: every start would take 4 ms longer
    groups = commands.add_parser(
        "groups", help="show and change consumer groups of any Kafka", allow_abbrev=False
    )
    if "groups" in arguments:
        from pykbroker.commands.groups_options import add_options as add_group_options

        add_group_options(groups)
    topics = commands.add_parser(
        "topics", help="show and change topics of any Kafka", allow_abbrev=False
    )
    if "topics" in arguments:
        from pykbroker.commands.topics_options import add_options as add_topic_options

        add_topic_options(topics)
    return parser


_SERVE = """Start a broker and serve until SIGTERM or SIGINT. Properties come from the profile, the
file, KAFKA_* environment variables and --override, the later winning. When the broker is ready, it
prints `pykbroker ready: HOST:PORT` on stdout."""
_CONFIG = """Print every property as a properties file: its sentence, type, range, default, and
whether it is acted upon."""


def _add_serve(parser: argparse.ArgumentParser) -> None:
    _add_sources(parser)
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--data-dir",
        metavar="DIR",
        help="keep logs and metadata in DIR (default: log.dirs, which is ./data)",
    )
    place.add_argument(
        "--memory", action="store_true", help="keep everything in memory, gone at the end"
    )
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="listen on port N, 0 for any free one (default: listeners, which is 9092)",
    )
    parser.add_argument(
        "--ready-file",
        metavar="PATH",
        help="write the addresses to PATH when the broker is ready (default: none)",
    )
    parser.add_argument(
        "--log-level", choices=_LEVELS, default="info", help="least to log (default: %(default)s)"
    )


def _add_config(parser: argparse.ArgumentParser) -> None:
    _add_sources(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--diff", action="store_true", help="print only what differs from Kafka's default, and why"
    )
    what.add_argument("--topics", action="store_true", help="print the properties of topics")


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="read a server.properties (default: none)"
    )
    parser.add_argument(
        "--override",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set one property; may be repeated",
    )
    parser.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        default=DEFAULT_PROFILE,
        help="kafka: Kafka's defaults; test: what test harnesses set (default: %(default)s)",
    )
