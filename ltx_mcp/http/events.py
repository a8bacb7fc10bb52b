"""What was sent on streams, kept for a while, so that a client whose connection broke can go on (2025-11-25).

The SDK names a stream by the id of its request, and every session counts those from 0: so each session has a store of
its own, and an event is found again in its session alone. All of them together keep at most so many events and bytes.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import JSONRPCMessage

MAX_EVENTS = 10_000
MAX_BYTES = 32 * 1024 * 1024  # a finished job with its contact sheet has about 100 KB


@dataclass(frozen=True)
class _Kept:
    session: "SessionEvents"
    stream_id: StreamId
    message: JSONRPCMessage | None
    bytes: int


class KeptEvents:
    """The events of all sessions, the oldest first. What would be too many, or too large, is forgotten."""

    def __init__(self, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events, self._max_bytes = max_events, max_bytes
        self._events: OrderedDict[EventId, _Kept] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def add(self, kept: _Kept) -> EventId:
        event_id = secrets.token_urlsafe(12)
        self._events[event_id] = kept
        self.bytes += kept.bytes
        while len(self._events) > self._max_events or self.bytes > self._max_bytes:
            _, forgotten = self._events.popitem(last=False)
            self.bytes -= forgotten.bytes
        return event_id

    def after(self, session: "SessionEvents", event_id: EventId) -> tuple[StreamId, list[tuple[EventId, _Kept]]] | None:
        """The stream of an event, and what came on it since; None for one that is not kept, or of another session."""
        if (last := self._events.get(event_id)) is None or last.session is not session:
            return None
        all_ids = list(self._events)
        since = [(each, self._events[each]) for each in all_ids[all_ids.index(event_id) + 1 :]]
        return last.stream_id, [
            (each, kept) for each, kept in since if kept.session is session and kept.stream_id == last.stream_id
        ]


class SessionEvents(EventStore):
    """The events of one session."""

    def __init__(self, kept: KeptEvents) -> None:
        self._kept = kept

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        size = 0 if message is None else len(message.model_dump_json())
        return self._kept.add(_Kept(self, stream_id, message, size))

    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        found = self._kept.after(self, last_event_id)
        if found is None:
            return None
        stream_id, events = found
        for event_id, kept in events:
            if kept.message is not None:  # None marks where a stream begins
                await send_callback(EventMessage(kept.message, event_id))
        return stream_id


class Sessions(StreamableHTTPSessionManager):
    """The SDK's manager, which gives every session the same store, with one for each."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.kept = KeptEvents()
        super().__init__(*arguments, **options)

    @property
    def event_store(self) -> EventStore:
        return SessionEvents(self.kept)

    @event_store.setter
    def event_store(self, _: EventStore | None) -> None:
        """The SDK's constructor sets what it was given: nothing."""
