"""The lock workloads and the lock service's client, sans-IO.

workload.py        the registered kinds: what clients do, and who judges it
generator.py       acquire, try-acquire, update, release: each thread's next step
session_client.py  a process' client, as all have it: KeepAlives, notices, retries
client.py          locks: operations, and what they make a client believe
calls.py           what was asked and isn't answered: routing, patience, trying again
session.py         until when a session lasts: lease arithmetic, jeopardy, grace (LS3, LS5)
belief.py          from when to when a client believed that it held a lock
stopping.py        a client that stops for longer than its lease and then goes on where it was
"""
