"""The replicated state of the lock service: sessions, locks, files; what a command makes of them (§3.3).

A command is a list: its kind, the epoch of the master that proposed it, and its arguments. One of an older epoch than
the present changes nothing (LS4, LC-14): a deposed master can neither expire a session nor free a lock, however late
its entries are committed. A client's command also has its session, its sequence number and how far the client has its
answers; it is done once, and its answer kept until then (LK-H).

    ["master", name]                                              a new epoch: the entry's own index
    ["open_session", epoch, nonce]                                session: the entry's own index
    ["expire_session", epoch, session]                            what it held rests (LK-G)
    ["end_delay", epoch, path, delay]
    ["reap", epoch]                                               ephemeral files that nobody has open
    [kind, epoch, session, seq, acked, …]                         kind: a key of CLIENT_COMMANDS

What an application has to tell (traces for the checkers, news for the master's clients) is left in `traces` and `news`
for whoever runs the machine; neither is part of the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zlib import crc32

from keelhaul.nodes.events import Body
from keelhaul.nodes.lock import commands
from keelhaul.nodes.lock.answers import WAITING, refusal, session_expired, stale_epoch
from keelhaul.nodes.lock.files import File, Files, parent
from keelhaul.nodes.lock.locks import Lock, Waiter
from keelhaul.nodes.lock.sessions import Session
from keelhaul.nodes.mutants import BARGING_TRY, FILES_OUTLIVE_SESSIONS
from keelhaul.nodes.replicated_log import Command

GRANTED, DELAYED, ENDED, EVENT = "granted", "delayed", "ended", "event"
"""News: (GRANTED, session, seq, answer), (DELAYED, path, delay), (ENDED, session), (EVENT, session, event)."""


class LockMachine:
    """The state machine (`StateMachine` in nodes/replicated_log.py)."""

    def __init__(self, mutant: str | None = None) -> None:
        self._mutant = mutant
        self.epoch = 0
        self.sessions: dict[int, Session] = {}
        self.locks: dict[str, Lock] = {}
        self.files = Files()
        self.traces: list[dict[str, Any]] = []
        self.news: list[tuple[Any, ...]] = []
        self._digest = 0
        self._index = 0

    def command_of(self, body: Body) -> Command:
        """Make a command of a client's request, with the epoch that the client named; MalformedCommand if none."""
        return commands.command_of(body)

    def reads_only(self, command: Command) -> bool:
        """Say whether `read` answers it."""
        return command[0] in commands.READS

    def apply(self, index: int, command: Command) -> Body:
        """Carry out a committed command; return the answer."""
        told = len(self.traces)
        self._index = index
        result = self._apply(index, command)
        content = f"{index} {result!a} {self.traces[told:]!a}"
        self._digest = crc32(content.encode(), self._digest)
        return result

    def _apply(self, index: int, command: Command) -> Body:
        kind = command[0]
        if kind == "master":
            self.epoch = index
            self._trace("epoch", index, epoch=index, master=command[1])
            return {"type": "master_ok", "epoch": index}
        epoch, arguments = command[1], command[2:]
        if epoch != self.epoch:
            return stale_epoch(self.epoch)
        if kind in CLIENT_COMMANDS:
            return self._once(index, CLIENT_COMMANDS[kind], *arguments)
        return _MASTER_COMMANDS[kind](self, index, *arguments)

    def read(self, command: Command) -> Body:
        """Answer a command that reads only."""
        session = self.sessions.get(command[2])
        if session is None:
            return session_expired()
        return _READS[command[0]](self, session, *command[3:])

    # --- sessions

    def _open_session(self, index: int, nonce: str) -> Body:
        for session in self.sessions.values():
            if session.nonce == nonce:  # asked again
                return {"type": "open_session_ok", "session": session.number}
        self.sessions[index] = Session(index, nonce)
        self._trace("session", index, event="open", session=index)
        return {"type": "open_session_ok", "session": index}

    def _expire_session(self, index: int, number: int) -> Body:
        session = self.sessions.get(number)
        if session is not None:
            self._trace("session", index, event="expire", session=number)
            self._end_session(index, session, graceful=False)
        return {"type": "expire_session_ok"}

    def _close_session(self, index: int, session: Session, seq: int) -> Body:
        self._trace("session", index, event="close", session=session.number)
        self._end_session(index, session, graceful=True)
        return {"type": "close_session_ok"}

    def _end_session(self, index: int, session: Session, *, graceful: bool) -> None:
        """Free all that it had, in this one entry: locks, places in queues, handles (§3.9)."""
        del self.sessions[session.number]
        for path in session.locks:
            self._drop(index, path, session, graceful=graceful)
        if self._mutant != FILES_OUTLIVE_SESSIONS:
            for path in session.handles:
                self._close_handle(index, path, session)
        self.news.append((ENDED, session.number))

    def _drop(self, index: int, path: str, session: Session, *, graceful: bool) -> None:
        """A session loses a lock, or its places in the queue. Not gracefully: the lock rests for a while (LK-G)."""
        lock = self.locks[path]
        for waiter in lock.leave_all(session.number):
            self._trace("lock", index, event="leave", lock=path, session=session.number, seq=waiter.seq)
        holder = lock.holders.pop(session.number, None)
        if holder is not None:
            event = "release" if graceful else "lose"
            self._trace("lock", index, event=event, lock=path, session=session.number, token=holder.token)
            if not graceful:
                lock.delay = index
                self._trace("lock", index, event="delay", lock=path, delay=index)
                self.news.append((DELAYED, path, index))
        self._serve(index, path, lock)

    def _once(self, index: int, carry_out: _ClientCommand, number: int, seq: int, acked: int, *arguments: Any) -> Body:
        """Carry a session's command out, unless that was done already: then repeat the answer (S2, LK-H)."""
        session = self.sessions.get(number)
        if session is None:
            return session_expired()
        if seq in session.answers:
            return session.answers[seq]
        if seq <= session.acked:
            return refusal("stale", "the answer to this was acknowledged")
        session.acknowledge(acked)
        answer = carry_out(self, index, session, seq, *arguments)
        session.answers[seq] = answer
        return answer

    # --- locks

    def _acquire(self, index: int, session: Session, seq: int, path: str, mode: str, wait: bool) -> Body:
        lock = self.locks.setdefault(path, Lock())
        held = lock.holders.get(session.number)
        if held is not None and held.mode == mode:
            return {"type": "acquire_ok", "token": held.token}  # LK-B: asked again, the same token again
        if held is not None or lock.is_awaited_by(session.number):
            return refusal("held", "this session holds it in another mode, or waits for it already")
        if lock.admits(mode) or (self._mutant == BARGING_TRY and not wait and lock.goes_with_holders(mode)):
            session.locks[path] = None
            lock.grant(session.number, mode, index)
            self._tell_grant(index, path, Waiter(session.number, seq, mode))
            return {"type": "acquire_ok", "token": index}
        if not wait:
            return refusal("held", "somebody holds it, waits for it, or it rests after a holder was lost")
        session.locks[path] = None
        lock.wait(Waiter(session.number, seq, mode))
        self._trace("lock", index, event="wait", lock=path, session=session.number, seq=seq, mode=mode)
        for holder in lock.holders:
            self._tell(holder, "conflicting_request", path)
        return WAITING

    def _cancel_wait(self, index: int, session: Session, seq: int, path: str, of: int) -> Body:
        """LK-H: give up waiting, and learn whether the lock came after all. An acquire that hasn't arrived yet is
        answered beforehand, so that a late copy of it does nothing."""
        answer = session.answers.get(of)
        if answer is not None and answer["type"] == "acquire_ok":
            return {"type": "cancel_wait_ok", "token": answer["token"]}
        if of > session.acked:
            session.answers[of] = refusal("cancelled", "the client gave up waiting")
        lock = self.locks.get(path)
        if lock is not None and lock.leave(session.number, of):
            self._trace("lock", index, event="leave", lock=path, session=session.number, seq=of)
            if session.number not in lock.holders:
                session.locks.pop(path, None)
            self._serve(index, path, lock)  # it may have kept others from being served
        return {"type": "cancel_wait_ok", "token": None}

    def _release(self, index: int, session: Session, seq: int, path: str, token: int) -> Body:
        """LK-F: only the hold of that token is given back, never a later one."""
        lock = self.locks.get(path)
        held = None if lock is None else lock.holders.get(session.number)
        if lock is None or held is None or held.token != token:
            return refusal("not_holder", "this session doesn't hold it with that token")
        del lock.holders[session.number]
        session.locks.pop(path, None)
        self._trace("lock", index, event="release", lock=path, session=session.number, token=token)
        self._serve(index, path, lock)
        return {"type": "release_ok"}

    def _end_delay(self, index: int, path: str, delay: int) -> Body:
        """LK-G: the rest after that very expiry is over."""
        lock = self.locks.get(path)
        if lock is not None and lock.delay == delay:
            lock.delay = None
            self._trace("lock", index, event="end_delay", lock=path, delay=delay)
            self._serve(index, path, lock)
        return {"type": "end_delay_ok"}

    def _serve(self, index: int, path: str, lock: Lock) -> None:
        """Let in who can be let in, by this entry (LK-C), and tell them."""
        for waiter in lock.serve(index):
            answer = {"type": "acquire_ok", "token": index}
            self.sessions[waiter.session].answers[waiter.seq] = answer
            self._tell_grant(index, path, waiter)
            self.news.append((GRANTED, waiter.session, waiter.seq, answer))
        if lock.is_idle:
            del self.locks[path]

    def _tell_grant(self, index: int, path: str, waiter: Waiter) -> None:
        session, seq, mode = waiter
        self._trace("lock", index, event="grant", lock=path, session=session, seq=seq, mode=mode, token=index)
        self._tell_openers("lock_acquired", path)

    def _check_sequencer(self, session: Session, path: str, owner: int, mode: str, token: int) -> Body:
        """LK-E: a sequencer is good for as long as its session holds the lock in that mode with that token."""
        lock = self.locks.get(path)
        holder = None if lock is None else lock.holders.get(owner)
        return {"type": "check_sequencer_ok", "valid": holder is not None and holder == (mode, token)}

    def _is_held(self, path: str, mode: str, token: int) -> bool:
        lock = self.locks.get(path)
        return lock is not None and (mode, token) in lock.holders.values()

    # --- files

    def _open(self, index: int, session: Session, seq: int, path: str, create: bool, ephemeral: bool) -> Body:
        """Open a file, or create it; what it is made as counts, not what a later opener asks for."""
        file = self.files.get(path)
        if file is None and not create:
            return refusal("not_found", "there is no such file")
        if file is None:
            file = File(index, ephemeral, "", 0)
            self.files.put(path, file)
            self._trace("file", index, event="create", path=path, ephemeral=ephemeral, instance=index)
            self._tell_openers("child_added", parent(path))
        self.files.open(path, session.number)
        session.handles[path] = file.instance
        self._trace("file", index, event="open", path=path, session=session.number)
        return {"type": "open_ok", **_stat(file)}

    def _close(self, index: int, session: Session, seq: int, path: str) -> Body:
        if session.handles.pop(path, None) is None:
            return refusal("no_handle", "this session hasn't opened it")
        self._close_handle(index, path, session)
        return {"type": "close_ok"}

    def _close_handle(self, index: int, path: str, session: Session) -> None:
        """Let go of a file; an ephemeral one that nobody holds any more goes in this same entry (§3.9)."""
        if self.files.get(path) is None:
            return
        self.files.close(path, session.number)
        self._trace("file", index, event="close", path=path, session=session.number)
        self._remove_orphans(index, path)

    def _remove_orphans(self, index: int, path: str) -> None:
        while self.files.is_orphan(path):
            self._remove(index, path)
            path = parent(path)

    def _remove(self, index: int, path: str, by: int | None = None) -> None:
        """Delete a file: `by` a session, or, None, because nobody has it open any more."""
        for opener in self.files.openers(path):
            self.sessions[opener].handles.pop(path, None)
            self._tell(opener, "handle_invalid", path)
        self.files.remove(path)
        self._trace("file", index, event="delete", path=path, by=by)
        self._tell_openers("child_removed", parent(path))

    def _set_contents(
        self,
        index: int,
        session: Session,
        seq: int,
        path: str,
        contents: str,
        if_generation: int | None,
        sequencer: Any,
    ) -> Body:
        """Write a whole file, if it is still as the writer knows it, and the lock that it rests on is held (LK-A)."""
        file = self._handled(session, path)
        if file is None:
            return refusal("no_handle", "this session hasn't opened it, or it was deleted since")
        if if_generation is not None and if_generation != file.content_generation:
            return refusal("generation", f"its content generation is {file.content_generation}")
        if sequencer is not None and not self._is_held(*sequencer):
            return refusal("stale_token", "nobody holds that lock with that token any more")
        file = file._replace(contents=contents, content_generation=file.content_generation + 1)
        self.files.put(path, file)
        self._trace("file", index, event="write", path=path, instance=file.instance, generation=file.content_generation)
        self._tell_openers("contents_modified", path, instance=file.instance, generation=file.content_generation)
        self._tell_openers("child_changed", parent(path))
        return {"type": "set_contents_ok", **_stat(file)}

    def _delete(self, index: int, session: Session, seq: int, path: str) -> Body:
        if self._handled(session, path) is None:
            return refusal("no_handle", "this session hasn't opened it, or it was deleted since")
        if self.files.children(path):
            return refusal("not_empty", "there are files below it")
        self._remove(index, path, by=session.number)
        self._remove_orphans(index, parent(path))
        return {"type": "delete_ok"}

    def _handled(self, session: Session, path: str) -> File | None:
        """Return the file that the session's handle is for; None without one, or if that instance is gone."""
        file = self.files.get(path)
        return file if file is not None and session.handles.get(path) == file.instance else None

    def _get(self, session: Session, path: str) -> Body:
        file = self.files.get(path)
        if file is None:
            return {"type": "get_ok", "exists": False}
        return {"type": "get_ok", "exists": True, "contents": file.contents, **_stat(file)}

    def _children(self, session: Session, path: str) -> Body:
        return {"type": "children_ok", "children": self.files.children(path)}

    def _reap(self, index: int) -> Body:
        """Step 9 of a fail-over: ephemeral files that nobody has open go, should there be any."""
        for path in self.files.orphans():
            self._remove_orphans(index, path)
        return {"type": "reap_ok"}

    def _tell(self, session: int, event: str, path: str, **more: Any) -> None:
        """Let a session know, if its master still does when it is told (§3.7)."""
        self.news.append((EVENT, session, {"event": event, "path": path, "index": self._index, **more}))

    def _tell_openers(self, event: str, path: str, **more: Any) -> None:
        for session in self.files.openers(path):
            self._tell(session, event, path, **more)

    # --- the whole

    def delays(self) -> list[tuple[str, int]]:
        """List the locks that rest, with the index of the expiry after which they do: a new master starts their time
        anew (LK-G)."""
        return [(path, lock.delay) for path, lock in self.locks.items() if lock.delay is not None]

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON values (LK-I)."""
        return {
            "epoch": self.epoch,
            "sessions": [session.image() for session in self.sessions.values()],
            "locks": [[path, lock.image()] for path, lock in self.locks.items()],
            "files": self.files.image(),
            "digest": self._digest,
        }

    def restore(self, image: dict[str, Any]) -> None:
        """Take an image in place of everything. What was going to be told of the state before is void."""
        self.epoch = image["epoch"]
        self.sessions = {one["number"]: Session.of(one) for one in image["sessions"]}
        self.locks = {path: Lock.of(one) for path, one in image["locks"]}
        self.files = Files.of(image["files"])
        self._digest = image["digest"]
        self.news.clear()
        self.traces.append({"type": "lock_table", "epoch": self.epoch, **self._table()})

    def _table(self) -> dict[str, Any]:
        """What checkers must know when they can't see how a state came about."""
        return {
            "sessions": list(self.sessions),
            "files": [[path, is_ephemeral, openers] for path, _, is_ephemeral, _, _, openers in self.files.image()],
            "locks": [[path, lock.image()] for path, lock in self.locks.items()],
        }

    @property
    def digest(self) -> int:
        """A rolling checksum of all that was applied and what came of it, carried along in snapshots."""
        return self._digest

    def _trace(self, kind: str, index: int, **fields: Any) -> None:
        self.traces.append({"type": kind, "index": index, **fields})


_ClientCommand = Callable[..., Body]
CLIENT_COMMANDS: dict[str, _ClientCommand] = {
    "close_session": LockMachine._close_session,
    "acquire": LockMachine._acquire,
    "cancel_wait": LockMachine._cancel_wait,
    "release": LockMachine._release,
    "open": LockMachine._open,
    "close": LockMachine._close,
    "set_contents": LockMachine._set_contents,
    "delete": LockMachine._delete,
}
_MASTER_COMMANDS: dict[str, Callable[..., Body]] = {
    "open_session": LockMachine._open_session,
    "expire_session": LockMachine._expire_session,
    "end_delay": LockMachine._end_delay,
    "reap": LockMachine._reap,
}
_READS: dict[str, Callable[..., Body]] = {
    "check_sequencer": LockMachine._check_sequencer,
    "get": LockMachine._get,
    "children": LockMachine._children,
}


def _stat(file: File) -> Body:
    return {
        "instance": file.instance,
        "ephemeral": file.is_ephemeral,
        "content_generation": file.content_generation,
        "checksum": file.checksum,
    }
