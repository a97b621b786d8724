"""Measures the broker beside its peers: the same client, the same requests, the same run.

Only ratios inside one interleaved run say anything; figures alone belong to a machine and an hour.
"""
