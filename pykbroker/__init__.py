"""A broker that speaks Kafka's wire protocol; users import `pykbroker.testing`."""

__version__ = "0.1.0.dev0"
