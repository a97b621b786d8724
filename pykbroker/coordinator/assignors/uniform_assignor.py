"""The `uniform` assignor: balance first, then as few moves as possible, then racks. Pure.

Follows `UniformAssignor`, except that:
- between equal members and equal topics Kafka lets Java's hash order or random topic ids decide;
  here the member id and the topic's name do, so that equal groups get equal shares in every run;
- Kafka 4.3 is told the racks of members and replicas but looks at neither; here they choose among
  the partitions that change hands anyhow (see `racks`);
- a topic that does not exist makes no difference, not even between equal and unlike subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping

from pykbroker.coordinator.assignors.assignment import Assignment, MemberSpec, TopicShape
from pykbroker.coordinator.assignors.heterogeneous import assign_heterogeneous
from pykbroker.coordinator.assignors.homogeneous import assign_homogeneous
from pykbroker.coordinator.assignors.racks import nearer
from pykbroker.coordinator.assignors.subscriptions import assignments, java_order, kept, resolve


def assign_uniformly(
    members: Mapping[str, MemberSpec], topics: Mapping[bytes, TopicShape]
) -> dict[str, Assignment]:
    """Spread the partitions evenly over the members, staying near to what they have."""
    subscriptions = resolve(sorted(members, key=java_order), members, topics=topics)
    now = kept(subscriptions)
    assign = assign_homogeneous if subscriptions.are_equal else assign_heterogeneous
    owners = nearer(assign(subscriptions, now), now, subscriptions)
    return assignments(subscriptions.members, owners)
