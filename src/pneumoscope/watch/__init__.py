"""Reads films as they arrive in folders and buckets, and writes the results elsewhere.

`places` lists and reads, `settling` waits for files that are still being written, `ledger` remembers
what was accepted, `watcher` brings films to the queue of `pneumoscope.jobs`, and `writing` writes the
results of films that are done. `lambda_function` does the same for one event of Amazon S3.
"""
