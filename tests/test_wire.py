"""Lines that are no messages are answered, and the server goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, PARSE_ERROR, JSONRPCError, JSONRPCRequest
from mcp.types.jsonrpc import jsonrpc_message_adapter
from pydantic import ValidationError

from ltx_mcp.server.wire import AnsweredLines, answer_to

CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search_clips","arguments":{"query":"%s"}}}'

LINES: list[tuple[str, str, int | str | None, int]] = [
    ("a lone first half", CALL % r"red \ud83d", 7, PARSE_ERROR),
    ("a lone first half before text", CALL % r"red \ud83d and blue", 7, PARSE_ERROR),
    ("a lone second half", CALL % r"\udc00", 7, PARSE_ERROR),
    ("an id as text", CALL.replace("7", '"seven"') % r"\ud83d", "seven", PARSE_ERROR),
    ("garbage", "garbage", None, PARSE_ERROR),
    ("five megabytes of garbage", "x" * 5_000_000, None, PARSE_ERROR),
    ("five megabytes cut off", (CALL % ("x" * 5_000_000))[:-9], 7, PARSE_ERROR),
    ("cut off", (CALL % "red")[:70], 7, PARSE_ERROR),
    ("cut off before the id", '{"params":{"id":9,"arguments":{"id":8', None, PARSE_ERROR),
    ("nested too deeply", "[" * 100_000, None, PARSE_ERROR),
    ("a byte order mark", "\ufeff" + CALL % "red", 7, PARSE_ERROR),
    ("bytes that are no UTF-8", (b'{"jsonrpc":"2.0","id":7,\xff}').decode(errors="replace"), 7, PARSE_ERROR),
    ("a control character in text", CALL % "a\x00b", 7, PARSE_ERROR),
    ("a list of messages", f"[{CALL % 'red'}]", None, INVALID_REQUEST),
    ("a number", "42", None, INVALID_REQUEST),
    ("another object", '{"a":1}', None, INVALID_REQUEST),
    ("a method that is no text", '{"jsonrpc":"2.0","id":3,"method":5}', 3, INVALID_REQUEST),
    ("parameters in a list", '{"jsonrpc":"2.0","id":"a","method":"x","params":[1]}', "a", INVALID_REQUEST),
    ("another version", '{"jsonrpc":"1.0","id":3,"method":"x"}', 3, INVALID_REQUEST),
]


def parsed(line: str) -> SessionMessage | ValidationError:
    """As the SDK's reader does."""
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValidationError as error:
        return error


@pytest.mark.parametrize(("line", "request_id", "code"), [each[1:] for each in LINES], ids=[each[0] for each in LINES])
def test_a_line_that_is_no_message_gets_an_answer(line: str, request_id: int | str | None, code: int) -> None:
    failure = parsed(line)
    assert isinstance(failure, ValidationError)
    answer = answer_to(failure)
    assert answer is not None
    assert (answer.id, answer.error.code) == (request_id, code)
    assert len(answer.model_dump_json()) < 500


@pytest.mark.parametrize(
    "line", ["", "\n", "  ", '{"jsonrpc":"2.0","id":3,"result":5}', '{"jsonrpc":"2.0","error":{}}']
)
def test_an_empty_line_and_a_clients_bad_answer_get_none(line: str) -> None:
    failure = parsed(line)
    assert isinstance(failure, ValidationError)
    assert answer_to(failure) is None


def test_an_answer_about_half_a_character_says_what_to_do() -> None:
    failure = parsed(CALL % r"\ud83d")
    assert isinstance(failure, ValidationError)
    answer = answer_to(failure)
    assert answer
    assert "send it with whole characters" in answer.error.message
    assert not isinstance(parsed(CALL % r"\ud83d\ude80"), ValidationError), "a whole one"


@pytest.mark.anyio
async def test_the_messages_around_bad_lines_arrive_in_their_order() -> None:
    to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](9)
    outgoing, to_client = anyio.create_memory_object_stream[SessionMessage](9)
    for line in ("garbage", CALL % "one", "", CALL % r"\ud83d", CALL % "two"):
        await to_server.send(parsed(line))
    await to_server.send(OSError("not of a line"))
    to_server.close()
    async with AnsweredLines(incoming, outgoing) as stream, to_client:
        first = await stream.receive()
        assert isinstance(first, SessionMessage)
        assert isinstance(first.message, JSONRPCRequest)
        rest = [item async for item in stream]
        assert [type(item) for item in rest] == [SessionMessage, OSError]
        answers = [to_client.receive_nowait().message for _ in range(2)]
        assert [answer.id for answer in answers if isinstance(answer, JSONRPCError)] == [None, 7]
        outgoing.close()


def test_over_real_stdio_the_server_answers_bad_lines_and_goes_on(tmp_path: Path) -> None:
    env = {**os.environ, "LTX_MCP_DATA_DIR": str(tmp_path), "LTX_MCP_MODEL": "stand-in", "LTX_MCP_EMBEDDER": "stand-in"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).encode(),
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        (CALL % r"red \ud83d").encode(),
        b"garbage",
        b"x" * 5_000_000,
        (CALL % "red").replace("7", "8")[:70].encode(),
        b"",
        b"\xff\xfe\x00",
        (CALL % "a \xff b")
        .replace("7", "9")
        .replace("query", "quer\xff")
        .encode("latin-1"),  # read as text with a replaced character
        (CALL % ("y" * 5_000_000)).replace("7", "10").encode(),
        b'{"jsonrpc":"2.0","id":11,"method":"tools/list"}',
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "ltx_mcp", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    ) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(b"\n".join(lines) + b"\n")
        server.stdin.flush()
        answers: dict[Any, dict[str, Any]] = {}
        unnamed: list[int] = []
        while len(answers) < 6 or len(unnamed) < 3:
            answer = json.loads(server.stdout.readline())
            if answer["id"] is None:
                unnamed.append(answer["error"]["code"])
            else:
                answers[answer["id"]] = answer
        server.stdin.close()
        assert server.wait(timeout=60) == 0
    assert unnamed == [PARSE_ERROR] * 3
    assert "half of a character" in answers[7]["error"]["message"]
    assert answers[8]["error"]["code"] == PARSE_ERROR
    assert "There is no argument 'quer\ufffd'" in answers[9]["result"]["content"][0]["text"]
    assert "query" in answers[10]["result"]["content"][0]["text"]
    assert answers[10]["result"]["isError"]
    assert len(answers[11]["result"]["tools"]) > 10
