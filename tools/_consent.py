"""Asking the user, through the host, for what only a user may say: that a licence is accepted, that weights be fetched.

A client of 2025-11-25 is asked within the call; one of 2026-07-28 by an answer that asks for the same call again. Where
the host cannot ask, nothing is accepted: the call goes on with the model that needs no consent, or with the error that
names the command.
"""

from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.elicitation import AcceptedElicitation, CancelledElicitation, render_elicitation_schema
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp.types.version import is_version_at_least
from pydantic import BaseModel, Field, ValidationError

if TYPE_CHECKING:
    from ltx_mcp.studio.consent import Consent

ASKS_AGAIN = "2026-07-28"  # from this revision on
TURN_S = 20.0  # well below what hosts wait for a call


class Licence(BaseModel):
    """What the user fills in."""

    accept: bool = Field(title="I accept these licences", description="Nothing is fetched before.")


class Download(BaseModel):
    """What the user fills in."""

    accept: bool = Field(title="Fetch it", description="In the background; searches go on meanwhile.")


Form = type[Licence] | type[Download]


async def ask(context: Context[Any, Any], consent: "Consent", form: Form) -> InputRequiredResult | None:
    """Ask what is still to be asked. A result asks the client; None means that the call may go on.

    Raises ArchiveError where consent cannot be recorded.
    """
    if not _can_ask(context) or not await consent.question() or not await _is_our_turn(consent):
        return None
    try:
        return await _ask(context, consent, form)
    finally:
        consent.turn.release()


async def _is_our_turn(consent: "Consent") -> bool:
    """Whether nobody else is being asked. A form that lies open elsewhere holds up no other client's call for long."""
    with anyio.move_on_after(TURN_S) as waiting:
        await consent.turn.acquire()
    return not waiting.cancelled_caught


async def _ask(context: Context[Any, Any], consent: "Consent", form: Form) -> InputRequiredResult | None:
    if not (question := await consent.question()):
        return None
    if not is_version_at_least(context.protocol_version or "", ASKS_AGAIN):
        await _settle(consent, await _within_the_call(context, question, form))
        return None
    answer = (context.input_responses or {}).get(consent.key)
    if not isinstance(answer, ElicitResult):
        asked = ElicitRequestFormParams(message=question, requested_schema=render_elicitation_schema(form))
        return InputRequiredResult(input_requests={consent.key: ElicitRequest(params=asked)})
    await _settle(consent, _read(answer, form))
    return None


def _can_ask(context: Context[Any, Any]) -> bool:
    """Whether the client shows forms: one that names no mode does."""
    declared = context.client_capabilities.elicitation if context.client_capabilities else None
    return declared is not None and (declared.form is not None or declared.url is None)


async def _within_the_call(context: Context[Any, Any], question: str, form: Form) -> bool | None:
    try:
        answer = await context.elicit(question, form)
    except (MCPError, ValueError):  # the client gave up, or answered what was not asked
        return None
    if isinstance(answer, CancelledElicitation):
        return None
    return isinstance(answer, AcceptedElicitation) and answer.data.accept


def _read(answer: ElicitResult, form: Form) -> bool | None:
    """Yes, no, or None for a form that was closed."""
    if answer.action == "cancel":
        return None
    try:
        return answer.action == "accept" and form.model_validate(answer.content).accept
    except ValidationError:
        return None


async def _settle(consent: "Consent", said: bool | None) -> None:
    if said:
        await consent.accept()
    elif said is not None:
        consent.decline()
