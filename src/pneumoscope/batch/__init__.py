"""Any number of films into Parquet files, resumable: on this machine or on a Ray cluster.

``listing`` names the films of a folder, a manifest or a bucket, ``run`` passes those that are not done to
an engine (``workers`` or ``ray_engine``), and ``shards`` keeps the rows. ``summary`` counts them.
"""
