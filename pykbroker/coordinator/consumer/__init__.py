"""Consumer groups: members that heartbeat, targets computed here, and reconciliation (KIP-848).

`consumer_heartbeat` decides; `leaving` and `due` end memberships; `remembering` replays. What all
of them go through, in this order: `subscriptions` (who wants what), `target` (who is to have what),
`reconciliation` (what a member has now). Members that speak the classic protocol go the same way
(`classic_members`), and groups change their kind in `migration`.
"""
