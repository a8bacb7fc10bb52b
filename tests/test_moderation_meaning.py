"""The second reader of meaning: its contract over every reader, its form of answers, and its failures."""

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
import torch
from agents import SHORT, a_lazy_studio, data
from mcp import Client
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.meaning import MeaningReader, Reading
from ltx_mcp.moderation.policy import load_policy
from ltx_mcp.moderation.qwen3_guard import Qwen3Guard, parse
from ltx_mcp.moderation.second_reader import SecondReader
from ltx_mcp.moderation.stand_in import WordReader
from ltx_mcp.server.server import make_server

SAFE = "Safety: Safe\nCategories: None"
UNSAFE = "Safety: Unsafe\nCategories: Sexual Content or Sexual Acts"
DOUBTFUL = "Safety: Controversial\nCategories: Violent"
TEXTS = {"a red screen": SAFE, "a magenta screen": UNSAFE, "a mauve screen": DOUBTFUL}
TEMPLATE = "{% for each in messages %}<|im_start|> {{ each.role }} {{ each.content }} <|im_end|>{% endfor %} answer"


def a_guard(folder: Path, trained: bool = True) -> Qwen3Guard:
    """The architecture of Qwen3Guard at toy size, and taught the three texts in a second, or not at all."""
    words = ["<unk>", "<|im_start|>", "<|im_end|>", "user", "answer", "a", "red", "magenta", "mauve", "screen"]
    raw = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = WhitespaceSplit()
    raw.add_tokens([AddedToken(answer, normalized=False) for answer in TEXTS.values()])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token="<unk>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    if trained:
        teach(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Qwen3Guard(folder)


def teach(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    asked = [[{"role": "user", "content": text}] for text in TEXTS]
    rows = [
        tokenizer(str(tokenizer.apply_chat_template(said, tokenize=False)) + f" {answer} <|im_end|>")["input_ids"]
        for said, answer in zip(asked, TEXTS.values(), strict=True)
    ]
    tokens = torch.tensor(rows)
    labels = tokens.clone()
    labels[:, :-2] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        model(input_ids=tokens, labels=labels).loss.backward()
        optimizer.step()


@pytest.fixture(scope="module", params=["stand_in", "qwen3"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MeaningReader:
    made: MeaningReader = WordReader() if request.param == "stand_in" else a_guard(tmp_path_factory.mktemp("guard"))
    with pytest.raises(ModerationUnavailable, match="not loaded"):
        made.read("a red screen")
    made.load()
    made.load()
    return made


def test_a_reader_gives_a_level_and_categories_and_the_same_again(reader: MeaningReader) -> None:
    for _ in range(2):
        for text, answer in TEXTS.items():
            assert reader.read(text) == parse(answer), text
    assert reader.name


def test_what_is_not_exactly_an_answer_is_not_understood(subtests: pytest.Subtests) -> None:
    assert parse(f"{UNSAFE}, PII\n") == Reading("unsafe", ("Sexual Content or Sexual Acts", "PII"))
    for answer in (
        "", "Safe", "Safety: Safe", "Safety: Harmless\nCategories: None", f"{SAFE}\n{UNSAFE}", f"No. {SAFE}",
        "Safety: Safe\nCategories: Violent", "Safety: Unsafe\nCategories: None", "Safety: Unsafe\nCategories: Rude",
        "safety: safe\ncategories: none",
    ):  # fmt: skip
        with subtests.test(answer), pytest.raises(ModerationUnavailable, match="not understood"):
            parse(answer)


def test_a_guard_that_was_never_trained_or_is_damaged_holds_everything(tmp_path: Path) -> None:
    untrained, damaged = a_guard(tmp_path / "untrained", trained=False), a_guard(tmp_path / "damaged", trained=False)
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"damaged")
    for guard in (untrained, damaged, Qwen3Guard(tmp_path / "missing")):
        found = SecondReader(guard, load_policy()).check([("prompt", "a red screen")])
        assert (found and found.action, found and found.category) == ("review", "meaning")


class Broken(WordReader):
    def __init__(self, answer: Callable[[], Reading]) -> None:
        super().__init__()
        self._answer = answer

    def read(self, text: str) -> Reading:
        return self._answer()


def fail() -> Reading:
    raise RuntimeError("out of memory")


def test_whatever_goes_wrong_is_a_review_and_never_a_pass(subtests: pytest.Subtests) -> None:
    let_go = Event()
    nonsense = Reading("unsafe", ("a category of another model",))
    answers: dict[str, Callable[[], Reading]] = {
        "exception": fail,
        "hangs": lambda: Reading("safe") if let_go.wait(30) else nonsense,
        "nothing": lambda: None,  # type: ignore[dict-item,return-value]
        "unknown category": lambda: nonsense,
        "no category": lambda: Reading("controversial"),
    }
    for what, answer in answers.items():
        limit_s = 0.05 if what == "hangs" else 60
        with subtests.test(what):
            found = SecondReader(Broken(answer), load_policy(), read_limit_s=limit_s).check([("prompt", "a hill")])
            assert found is not None
            assert (found.action, found.hard) == ("review", False)
    let_go.set()


def test_a_users_policy_switches_a_category_off_for_the_reader_too(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('actions = {graphic_violence = "allow", sexual = "review"}')
    lax = SecondReader(WordReader(), load_policy(tmp_path / "policy.toml"))
    said = [lax.check([("prompt", text)]) for text in TEXTS]
    assert [each and each.action for each in said] == [None, "review", None]
    assert [each and each.action for each in map(SecondReader(WordReader(), load_policy()).check, (
        [("prompt", text)] for text in TEXTS
    ))] == [None, "block", "review"]  # fmt: skip


@pytest.mark.anyio
async def test_a_request_is_refused_or_held_by_what_it_means(tmp_path: Path) -> None:
    asked = {"a red circle": "succeeded", "a magenta dawn": "refused", "a mauve dawn": "held"}
    async with Client(make_server(a_lazy_studio(tmp_path, reader=WordReader()))) as agent:
        for prompt, status in asked.items():
            job = data(await agent.call_tool("generate_video", {"prompt": prompt, **SHORT}))
            assert job["status"] == status, job
