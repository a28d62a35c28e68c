"""Collected data: pulled from replicas by the observer, kept as Parquet, shown, downloaded and deleted.

Order of a write: the part's row (nobody's yet) -> the file -> one transaction that gives the part its day and notes how
far the spool was read -> the next pull, which tells the replica that it may forget. Whatever dies in between, no batch is
lost and none is kept twice.
"""
