"""The simulated world: virtual time, a network, disks, machines. No event loop, no threads, no set is ever iterated.

scheduler.py   what happens next: a heap of (time, sequence, action)
network.py     messages between nodes: latency, loss, duplication, reordering, cuts
disk.py        log files that forget what was not synced
machine.py     one machine: runs a node, can be killed and paused
world.py       the environment: all machines, and the clients' connections to them
driver.py      a run in virtual time: interpreter and injector against the world
"""
