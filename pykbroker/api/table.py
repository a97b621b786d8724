"""Every API this broker serves; what is not in this list is not advertised."""

from __future__ import annotations

from collections.abc import Mapping

from pykbroker.api.alter_configs import alter_configs
from pykbroker.api.api_versions import api_versions
from pykbroker.api.consumer_group_describe import consumer_group_describe
from pykbroker.api.consumer_group_heartbeat import consumer_group_heartbeat
from pykbroker.api.create_partitions import create_partitions
from pykbroker.api.create_topics import create_topics
from pykbroker.api.delete_groups import delete_groups
from pykbroker.api.delete_records import delete_records
from pykbroker.api.delete_topics import delete_topics
from pykbroker.api.describe_cluster import describe_cluster
from pykbroker.api.describe_configs import describe_configs
from pykbroker.api.describe_groups import describe_groups
from pykbroker.api.describe_log_dirs import describe_log_dirs
from pykbroker.api.describe_topic_partitions import describe_topic_partitions
from pykbroker.api.fetch import fetch
from pykbroker.api.find_coordinator import find_coordinator
from pykbroker.api.handler import Handler
from pykbroker.api.heartbeat import heartbeat
from pykbroker.api.incremental_alter_configs import incremental_alter_configs
from pykbroker.api.init_producer_id import init_producer_id
from pykbroker.api.join_group import join_group
from pykbroker.api.leave_group import leave_group
from pykbroker.api.list_groups import list_groups
from pykbroker.api.list_offsets import list_offsets
from pykbroker.api.metadata import metadata
from pykbroker.api.offset_commit import offset_commit
from pykbroker.api.offset_delete import offset_delete
from pykbroker.api.offset_fetch import offset_fetch
from pykbroker.api.offset_for_leader_epoch import offset_for_leader_epoch
from pykbroker.api.produce import produce
from pykbroker.api.sync_group import sync_group

HANDLERS: Mapping[int, Handler] = {
    handler.api.key: handler
    for handler in (
        alter_configs,
        api_versions,
        consumer_group_describe,
        consumer_group_heartbeat,
        create_partitions,
        create_topics,
        delete_groups,
        delete_records,
        delete_topics,
        describe_cluster,
        describe_configs,
        describe_groups,
        describe_log_dirs,
        describe_topic_partitions,
        fetch,
        find_coordinator,
        heartbeat,
        incremental_alter_configs,
        init_producer_id,
        join_group,
        leave_group,
        list_groups,
        list_offsets,
        metadata,
        offset_commit,
        offset_delete,
        offset_fetch,
        offset_for_leader_epoch,
        produce,
        sync_group,
    )
}
