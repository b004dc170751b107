"""A member of the lock service: a node that wraps a replicated log. Events go down, news come up (replicated_log.py).

Everything that isn't a client's request for a lock is the log's business. A member whose log leads becomes a master
(master.py); the others send clients there. What the machine has to tell of each application (traces, who got which
lock) is picked up after every step of the log, on every member; only a master acts on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import fields, replace
from random import Random
from typing import Any

from keelhaul.nodes.errors import error_body
from keelhaul.nodes.events import Body, ClientRequest, Effect, Event, Reply, SetTimer, TimerFired, Trace
from keelhaul.nodes.lock import commands
from keelhaul.nodes.lock.answers import not_the_master
from keelhaul.nodes.lock.machine import LockMachine
from keelhaul.nodes.lock.master import Asker, Master, NotDone, Outcome
from keelhaul.nodes.lock.settings import LockSettings
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.replicated_log import (
    Applied,
    Command,
    Confirm,
    Confirmed,
    Following,
    Leading,
    LogEvent,
    Lost,
    MalformedCommand,
    News,
    Propose,
    Refused,
    ReplicatedLog,
    StateMachine,
)

TICK = "lock/tick"
MakeLog = Callable[[NodeConfig, Random, StateMachine], ReplicatedLog]
_NEWS = (Applied, Confirmed, Refused, Lost, Leading, Following)
_FOR_THE_LOG = ("status", "reconfigure", "transfer")


class LockService:
    """One member, on a log that `make_log` builds."""

    def __init__(self, config: NodeConfig, random: Random, make_log: MakeLog) -> None:
        own = {field.name for field in fields(LockSettings)}
        self._settings = LockSettings.of({name: value for name, value in config.options.items() if name in own})
        self._name = config.name
        self._mutant = config.mutant
        self._machine = LockMachine(config.mutant)
        for_log = {name: value for name, value in config.options.items() if name not in own}
        self._log = make_log(replace(config, options=for_log), random, self._machine)
        self._master: Master | None = None
        self._news: deque[News] = deque()
        self._effects: list[Effect] = []
        self._outcomes: dict[int, Outcome] = {}
        self._confirmations: dict[int, Callable[[NotDone | None], None]] = {}
        self._tag = 0
        self._ticks = 0
        self.now_ns = 0

    def step(self, now_ns: int, event: Event) -> list[Effect]:
        """Take one event; return what is to be done."""
        self.now_ns = now_ns
        if isinstance(event, ClientRequest) and event.body["type"] not in _FOR_THE_LOG:
            self._on_request(event.client, event.body)
        elif isinstance(event, TimerFired) and event.timer == TICK:
            self._on_tick(event.generation)
        else:
            self._pass_down(event)
        self._take_news()
        effects, self._effects = self._effects, []
        return effects

    # --- the log

    def _pass_down(self, event: LogEvent) -> None:
        """Step the log. What its machine told while it applied comes before what the log has to say of it."""
        for effect in self._log.step(self.now_ns, event):
            if isinstance(effect, _NEWS):
                self._news.append(effect)
            else:
                self._effects.append(effect)
        for record in self._machine.traces:
            self._effects.append(Trace(record))
        self._machine.traces.clear()

    def _take_news(self) -> None:
        """Act on all news, of the log first: an answer's asker must be known before the machine grants it a lock."""
        while self._news or self._machine.news:
            if self._news:
                self._on_news(self._news.popleft())
            else:
                told, self._machine.news = self._machine.news, []
                if self._master is not None:
                    for news in told:
                        self._master.on_news(news)

    def _on_news(self, news: News) -> None:
        if isinstance(news, Applied):
            self._outcomes.pop(news.tag)(news.result)
        elif isinstance(news, Confirmed):
            self._confirmations.pop(news.tag)(None)
        elif isinstance(news, Refused | Lost):
            self._on_not_done(news)
        elif isinstance(news, Leading):
            self._master = Master(self._name, self._machine, self._settings, self, self._mutant)
            self._master.begin()
            self._start_ticking()
        elif self._master is not None:
            master, self._master = self._master, None
            master.end(news.leader)

    def _on_not_done(self, news: Refused | Lost) -> None:
        not_done = NotDone(isinstance(news, Refused), news.leader if isinstance(news, Refused) else self._log.leader)
        if news.tag in self._confirmations:
            self._confirmations.pop(news.tag)(not_done)
        else:
            self._outcomes.pop(news.tag)(not_done)

    # --- for the master

    def propose(self, command: Command, done: Outcome) -> None:
        """Put a command into the log; `done` gets the machine's answer."""
        self._tag += 1
        self._outcomes[self._tag] = done
        self._pass_down(Propose(self._tag, command))

    def confirm(self, done: Callable[[NotDone | None], None]) -> None:
        """Wait for a moment, after now, at which nobody else could lead; `done` gets None then."""
        self._tag += 1
        self._confirmations[self._tag] = done
        self._pass_down(Confirm(self._tag))

    def reply(self, asker: Asker, body: Body) -> None:
        """Answer a client."""
        self._effects.append(Reply(asker.client, {**body, "in_reply_to": asker.msg_id}))

    def trace(self, record: dict[str, Any]) -> None:
        """Tell the checkers."""
        self._effects.append(Trace(record))

    # --- clients

    def _on_request(self, client: str, body: Body) -> None:
        msg_id = body.get("msg_id")
        if type(msg_id) is not int:
            return  # nobody could tell what the answer belongs to
        asker = Asker(client, msg_id)
        if body["type"] == "locate":  # step 2: who is the master may always be asked
            self.reply(asker, {"type": "locate_ok", "master": self._log.leader})
            return
        try:
            command = commands.command_of(body)
        except MalformedCommand as error:
            self.reply(asker, error_body(error.code, str(error)))
            return
        if self._master is None:
            leader = self._log.leader
            self.reply(asker, not_the_master(None if leader == self._name else leader))
        else:
            self._master.on_request(asker, body, command)  # it may also say how it wants to be answered

    def _start_ticking(self) -> None:
        self._ticks += 1
        self._effects.append(SetTimer(TICK, self._ticks, self._settings.tick_ns))

    def _on_tick(self, generation: int) -> None:
        if generation != self._ticks or self._master is None:
            return  # G6
        self._master.tick()
        self._start_ticking()
