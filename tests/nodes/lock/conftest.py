"""A lock machine that is fed command by command, and a master between a clock of ours and a log of ours."""

from __future__ import annotations

import pytest

from keelhaul.nodes.lock.machine import LockMachine
from keelhaul.nodes.lock.master import Asker, Master, NotDone
from keelhaul.nodes.lock.settings import LockSettings
from keelhaul.nodes.options import MS


class Table:
    """A machine and the log index; commands get the present epoch and, per session, the next sequence number."""

    def __init__(self):
        self.machine = LockMachine()
        self.index = 0
        self.seqs = {}
        self.apply(["master", "n1"])

    def apply(self, command):
        self.index += 1
        return self.machine.apply(self.index, command)

    def own(self, kind, *arguments):
        """A command of the master's."""
        return self.apply([kind, self.machine.epoch, *arguments])

    def session(self, nonce="client"):
        return self.own("open_session", nonce)["session"]

    def ask(self, kind, session, *arguments, seq=None, acked=0):
        """A client's command."""
        if seq is None:
            seq = self.seqs.get(session, 0) + 1
        self.seqs[session] = max(seq, self.seqs.get(session, 0))
        return self.own(kind, session, seq, acked, *arguments)

    def acquire(self, session, lock="l", mode="exclusive", wait=True, **more):
        return self.ask("acquire", session, lock, mode, wait, **more)

    def release(self, session, token, lock="l"):
        return self.ask("release", session, lock, token)

    def holders(self, lock="l"):
        """Session → mode, of the present holders."""
        found = self.machine.locks.get(lock)
        return {} if found is None else {session: holder.mode for session, holder in found.holders.items()}

    def answer(self, session, seq):
        return self.machine.sessions[session].answers[seq]

    def events(self, kind="lock"):
        """What was told of locks, as (event, session) in order."""
        return [(one["event"], one.get("session")) for one in self.machine.traces if one["type"] == kind]


@pytest.fixture
def table():
    return Table()


class Office:
    """A master's surroundings. Commands are applied, and confirmations given, when the test says so, or at once."""

    def __init__(self, *, at_once=True):
        self.now_ns = 1_000_000 * MS
        self.at_once = at_once
        self.settings = LockSettings()
        self.table = Table()
        self.machine = self.table.machine
        self.traces = []
        self.replies = {}
        self.proposed = []
        self.confirming = []
        self.asked = 0
        self.master = None

    # --- what the master sees

    def propose(self, command, done):
        self.proposed.append((command, done))

    def confirm(self, done):
        self.confirming.append(done)

    def reply(self, asker, body):
        assert asker.msg_id not in self.replies, "answered once"
        self.replies[asker.msg_id] = body

    def trace(self, record):
        self.traces.append({**record, "time": self.now_ns})

    # --- what the test does

    def elect(self, name="n1"):
        """Let a member begin; return its master."""
        self.master = Master(name, self.machine, self.settings, self)
        self.master.begin()
        self.settle()
        return self.master

    def settle(self):
        """Apply and confirm all that was asked for, and hand the news on, if that is to happen at once."""
        while self.at_once and (self.proposed or self.confirming):
            self.apply()
            self.confirm_all()

    def apply(self):
        proposed, self.proposed = self.proposed, []
        for command, done in proposed:
            done(self.table.apply(command))
        news, self.machine.news = self.machine.news, []
        for one in news:
            self.master.on_news(one)

    def confirm_all(self, failed=None):
        confirming, self.confirming = self.confirming, []
        for done in confirming:
            done(failed)

    def refuse_all(self, leader="n2", certainly=True):
        """The log tells that this member doesn't lead: nothing is done."""
        proposed, self.proposed = self.proposed, []
        for _, done in proposed:
            done(NotDone(certainly, leader))
        self.confirm_all(NotDone(True, leader))

    def ask(self, kind, *arguments, **fields):
        """A client asks; return the number under which the answer will be in `replies`."""
        self.asked += 1
        body = {"type": kind, **fields}
        self.master.on_request(Asker("c", self.asked), body, [kind, *arguments])
        self.settle()
        return self.asked

    def open(self, nonce="client"):
        return self.replies[self.ask("open_session", nonce)]["session"]

    def keep_alive(self, session, epoch=None, heard=0):
        epoch = self.master.epoch if epoch is None else epoch
        return self.ask("keep_alive", epoch, session, heard, session=session, epoch=epoch, heard=heard)

    def acquire(self, session, seq=1, lock="l", mode="exclusive", wait=True):
        return self.ask("acquire", self.master.epoch, session, seq, 0, lock, mode, wait)

    def release(self, session, seq, token, lock="l"):
        return self.ask("release", self.master.epoch, session, seq, 0, lock, token)

    def after(self, ms):
        """Let time pass in ticks, as the master's timer does."""
        end_ns = self.now_ns + ms * MS
        while self.now_ns < end_ns:
            self.now_ns = min(self.now_ns + self.settings.tick_ns, end_ns)
            self.master.tick()
            self.settle()

    def stages(self):
        return [record["stage"] for record in self.traces if record["type"] == "master"]


@pytest.fixture
def office():
    found = Office()
    found.elect()
    return found


@pytest.fixture
def new_office():
    return Office
