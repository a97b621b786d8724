"""Every API of Kafka 4.4, in the order of the keys: what can be parsed, not what is served.

For tests and tools; the broker imports only the modules whose APIs it serves. Keys 4 to 7 ended
with ZooKeeper.
"""

from pykbroker.wire.messages.add_offsets_to_txn import AddOffsetsToTxn
from pykbroker.wire.messages.add_partitions_to_txn import AddPartitionsToTxn
from pykbroker.wire.messages.add_raft_voter import AddRaftVoter
from pykbroker.wire.messages.allocate_producer_ids import AllocateProducerIds
from pykbroker.wire.messages.alter_client_quotas import AlterClientQuotas
from pykbroker.wire.messages.alter_configs import AlterConfigs
from pykbroker.wire.messages.alter_partition import AlterPartition
from pykbroker.wire.messages.alter_partition_reassignments import AlterPartitionReassignments
from pykbroker.wire.messages.alter_replica_log_dirs import AlterReplicaLogDirs
from pykbroker.wire.messages.alter_share_group_offsets import AlterShareGroupOffsets
from pykbroker.wire.messages.alter_user_scram_credentials import AlterUserScramCredentials
from pykbroker.wire.messages.api_versions import ApiVersions
from pykbroker.wire.messages.assign_replicas_to_dirs import AssignReplicasToDirs
from pykbroker.wire.messages.begin_quorum_epoch import BeginQuorumEpoch
from pykbroker.wire.messages.broker_heartbeat import BrokerHeartbeat
from pykbroker.wire.messages.broker_registration import BrokerRegistration
from pykbroker.wire.messages.consumer_group_describe import ConsumerGroupDescribe
from pykbroker.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeat
from pykbroker.wire.messages.controller_registration import ControllerRegistration
from pykbroker.wire.messages.create_acls import CreateAcls
from pykbroker.wire.messages.create_delegation_token import CreateDelegationToken
from pykbroker.wire.messages.create_partitions import CreatePartitions
from pykbroker.wire.messages.create_topics import CreateTopics
from pykbroker.wire.messages.delete_acls import DeleteAcls
from pykbroker.wire.messages.delete_groups import DeleteGroups
from pykbroker.wire.messages.delete_records import DeleteRecords
from pykbroker.wire.messages.delete_share_group_offsets import DeleteShareGroupOffsets
from pykbroker.wire.messages.delete_share_group_state import DeleteShareGroupState
from pykbroker.wire.messages.delete_topics import DeleteTopics
from pykbroker.wire.messages.describe_acls import DescribeAcls
from pykbroker.wire.messages.describe_client_quotas import DescribeClientQuotas
from pykbroker.wire.messages.describe_cluster import DescribeCluster
from pykbroker.wire.messages.describe_configs import DescribeConfigs
from pykbroker.wire.messages.describe_delegation_token import DescribeDelegationToken
from pykbroker.wire.messages.describe_groups import DescribeGroups
from pykbroker.wire.messages.describe_log_dirs import DescribeLogDirs
from pykbroker.wire.messages.describe_producers import DescribeProducers
from pykbroker.wire.messages.describe_quorum import DescribeQuorum
from pykbroker.wire.messages.describe_share_group_offsets import DescribeShareGroupOffsets
from pykbroker.wire.messages.describe_topic_partitions import DescribeTopicPartitions
from pykbroker.wire.messages.describe_transactions import DescribeTransactions
from pykbroker.wire.messages.describe_user_scram_credentials import DescribeUserScramCredentials
from pykbroker.wire.messages.elect_leaders import ElectLeaders
from pykbroker.wire.messages.end_quorum_epoch import EndQuorumEpoch
from pykbroker.wire.messages.end_txn import EndTxn
from pykbroker.wire.messages.envelope import Envelope
from pykbroker.wire.messages.expire_delegation_token import ExpireDelegationToken
from pykbroker.wire.messages.fetch import Fetch
from pykbroker.wire.messages.fetch_snapshot import FetchSnapshot
from pykbroker.wire.messages.find_coordinator import FindCoordinator
from pykbroker.wire.messages.get_telemetry_subscriptions import GetTelemetrySubscriptions
from pykbroker.wire.messages.heartbeat import Heartbeat
from pykbroker.wire.messages.incremental_alter_configs import IncrementalAlterConfigs
from pykbroker.wire.messages.init_producer_id import InitProducerId
from pykbroker.wire.messages.initialize_share_group_state import InitializeShareGroupState
from pykbroker.wire.messages.join_group import JoinGroup
from pykbroker.wire.messages.leave_group import LeaveGroup
from pykbroker.wire.messages.list_config_resources import ListConfigResources
from pykbroker.wire.messages.list_groups import ListGroups
from pykbroker.wire.messages.list_offsets import ListOffsets
from pykbroker.wire.messages.list_partition_reassignments import ListPartitionReassignments
from pykbroker.wire.messages.list_transactions import ListTransactions
from pykbroker.wire.messages.metadata import Metadata
from pykbroker.wire.messages.offset_commit import OffsetCommit
from pykbroker.wire.messages.offset_delete import OffsetDelete
from pykbroker.wire.messages.offset_fetch import OffsetFetch
from pykbroker.wire.messages.offset_for_leader_epoch import OffsetForLeaderEpoch
from pykbroker.wire.messages.produce import Produce
from pykbroker.wire.messages.push_telemetry import PushTelemetry
from pykbroker.wire.messages.read_share_group_state import ReadShareGroupState
from pykbroker.wire.messages.read_share_group_state_summary import ReadShareGroupStateSummary
from pykbroker.wire.messages.remove_raft_voter import RemoveRaftVoter
from pykbroker.wire.messages.renew_delegation_token import RenewDelegationToken
from pykbroker.wire.messages.sasl_authenticate import SaslAuthenticate
from pykbroker.wire.messages.sasl_handshake import SaslHandshake
from pykbroker.wire.messages.share_acknowledge import ShareAcknowledge
from pykbroker.wire.messages.share_fetch import ShareFetch
from pykbroker.wire.messages.share_group_describe import ShareGroupDescribe
from pykbroker.wire.messages.share_group_heartbeat import ShareGroupHeartbeat
from pykbroker.wire.messages.streams_group_describe import StreamsGroupDescribe
from pykbroker.wire.messages.streams_group_heartbeat import StreamsGroupHeartbeat
from pykbroker.wire.messages.streams_group_topology_description_update import (
    StreamsGroupTopologyDescriptionUpdate,
)
from pykbroker.wire.messages.sync_group import SyncGroup
from pykbroker.wire.messages.txn_offset_commit import TxnOffsetCommit
from pykbroker.wire.messages.unregister_broker import UnregisterBroker
from pykbroker.wire.messages.unregister_controller import UnregisterController
from pykbroker.wire.messages.update_features import UpdateFeatures
from pykbroker.wire.messages.update_raft_voter import UpdateRaftVoter
from pykbroker.wire.messages.vote import Vote
from pykbroker.wire.messages.write_share_group_state import WriteShareGroupState
from pykbroker.wire.messages.write_txn_markers import WriteTxnMarkers
from pykbroker.wire.schema import Api

EVERY_API: tuple[Api, ...] = (
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    OffsetCommit,
    OffsetFetch,
    FindCoordinator,
    JoinGroup,
    Heartbeat,
    LeaveGroup,
    SyncGroup,
    DescribeGroups,
    ListGroups,
    SaslHandshake,
    ApiVersions,
    CreateTopics,
    DeleteTopics,
    DeleteRecords,
    InitProducerId,
    OffsetForLeaderEpoch,
    AddPartitionsToTxn,
    AddOffsetsToTxn,
    EndTxn,
    WriteTxnMarkers,
    TxnOffsetCommit,
    DescribeAcls,
    CreateAcls,
    DeleteAcls,
    DescribeConfigs,
    AlterConfigs,
    AlterReplicaLogDirs,
    DescribeLogDirs,
    SaslAuthenticate,
    CreatePartitions,
    CreateDelegationToken,
    RenewDelegationToken,
    ExpireDelegationToken,
    DescribeDelegationToken,
    DeleteGroups,
    ElectLeaders,
    IncrementalAlterConfigs,
    AlterPartitionReassignments,
    ListPartitionReassignments,
    OffsetDelete,
    DescribeClientQuotas,
    AlterClientQuotas,
    DescribeUserScramCredentials,
    AlterUserScramCredentials,
    Vote,
    BeginQuorumEpoch,
    EndQuorumEpoch,
    DescribeQuorum,
    AlterPartition,
    UpdateFeatures,
    Envelope,
    FetchSnapshot,
    DescribeCluster,
    DescribeProducers,
    BrokerRegistration,
    BrokerHeartbeat,
    UnregisterBroker,
    DescribeTransactions,
    ListTransactions,
    AllocateProducerIds,
    ConsumerGroupHeartbeat,
    ConsumerGroupDescribe,
    ControllerRegistration,
    GetTelemetrySubscriptions,
    PushTelemetry,
    AssignReplicasToDirs,
    ListConfigResources,
    DescribeTopicPartitions,
    ShareGroupHeartbeat,
    ShareGroupDescribe,
    ShareFetch,
    ShareAcknowledge,
    AddRaftVoter,
    RemoveRaftVoter,
    UpdateRaftVoter,
    InitializeShareGroupState,
    ReadShareGroupState,
    WriteShareGroupState,
    DeleteShareGroupState,
    ReadShareGroupStateSummary,
    StreamsGroupHeartbeat,
    StreamsGroupDescribe,
    DescribeShareGroupOffsets,
    AlterShareGroupOffsets,
    DeleteShareGroupOffsets,
    StreamsGroupTopologyDescriptionUpdate,
    UnregisterController,
)
