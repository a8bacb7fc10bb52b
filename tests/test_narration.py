"""What every narrator promises, and what hibari and Kokoro promise beside."""

# ruff: noqa: RUF001, RUF003  other scripts are what is tested

from pathlib import Path

import numpy as np
import pytest
from narration_kit import KOKORO_VOICES, TOKEN_SAMPLES, level_db, narrators, tiny_kokoro

from ltx_mcp.errors import BadInput, Cancelled, ModelUnavailable, RenderFailed
from ltx_mcp.narration.base import MAX_CHARACTERS, Narrator, Samples, Sentence, Speech
from ltx_mcp.narration.hibari import HibariNarrator
from ltx_mcp.narration.kokoro import MAX_PHONEMES, VOICES, KokoroNarrator
from ltx_mcp.narration.languages import language_of
from ltx_mcp.narration.sentences import MAX_PIECE, sentences, speakable
from ltx_mcp.narration.speech import CLAUSE_PAUSE_S, SENTENCE_PAUSE_S, assemble
from ltx_mcp.narration.stand_in import ToneNarrator
from ltx_mcp.narration.subtitles import MAX_CUE, subtitle_cues
from ltx_mcp.parts import make_narrator
from ltx_mcp.settings import Settings

TEXT = "The archive finds the second shot. It was never tagged, and nobody had to watch it."


@pytest.fixture(scope="module")
def all_narrators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Narrator]:
    return narrators(tmp_path_factory.mktemp("kokoro"))


@pytest.fixture(params=["stand-in", "hibari", "kokoro"])
def narrator(request: pytest.FixtureRequest, all_narrators: dict[str, Narrator]) -> Narrator:
    return all_narrators[str(request.param)]


# -- the contract -----------------------------------------------------------------------------------------


def test_speech_has_sound_in_its_sentences_and_silence_between(narrator: Narrator) -> None:
    speech = narrator.speak(TEXT)
    assert speech.audio.dtype == np.float32
    assert speech.audio.shape == (1, round(speech.duration_s * speech.sample_rate))
    assert np.abs(speech.audio).max() <= 1
    assert [sentence.text for sentence in speech.sentences] == TEXT.replace(". ", ".\n").splitlines()
    first, second = speech.sentences
    assert first.start_s == 0
    assert second.end_s == pytest.approx(speech.duration_s)
    assert second.start_s - first.end_s == pytest.approx(SENTENCE_PAUSE_S, abs=1e-3)
    for start_s, end_s, heard in [
        (first.start_s, first.end_s, True),
        (first.end_s, second.start_s, False),
        (second.start_s, second.end_s, True),
    ]:
        part = speech.audio[0, round(start_s * speech.sample_rate) : round(end_s * speech.sample_rate)]
        assert level_db(part) > -35 if heard else level_db(part) < -100


def test_the_same_text_gives_the_same_samples(narrator: Narrator) -> None:
    assert np.array_equal(narrator.speak(TEXT).audio, narrator.speak(TEXT).audio)


def test_longer_text_takes_longer(narrator: Narrator) -> None:
    assert narrator.speak(f"{TEXT} {TEXT}").duration_s > 1.8 * narrator.speak(TEXT).duration_s


def test_a_cancel_is_heard_before_the_next_sentence(narrator: Narrator) -> None:
    calls = iter(range(2))

    def cancelling() -> None:
        if next(calls, None) is None:
            raise Cancelled

    with pytest.raises(Cancelled):
        narrator.speak("One. Two. Three. Four.", check=cancelling)


@pytest.mark.parametrize("text", ["", "   \n", "...", "🎉🎉", "\u200b\u202e"])
def test_what_holds_nothing_to_say_is_refused(narrator: Narrator, text: str) -> None:
    with pytest.raises(BadInput, match="holds nothing that can be said"):
        narrator.voice_for(text)
    with pytest.raises(BadInput, match="holds nothing that can be said"):
        narrator.speak(text)


def test_a_text_may_have_5000_characters_and_not_one_more(narrator: Narrator) -> None:
    assert narrator.voice_for("a" * MAX_CHARACTERS) == narrator.voices[0]
    with pytest.raises(BadInput, match="has 5,001 characters; the most is 5,000"):
        narrator.voice_for("a" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("これは映画です。", "The text is Japanese and no installed voice speaks it"),
        ("Welcome to 東京.", "The text is Chinese and no installed voice speaks it"),
        ("이것은 영화입니다", "The text is Korean"),
        ("Это фильм о городе.", "The text is Russian"),
        ("هذا فيلم", "The text is Arabic"),
        ("Dzień dobry wszystkim.", "The text is Polish"),
        ("De rode bal rolt van de heuvel.", "The text is Dutch"),
        ("ப படம்", "The text is in Tamil script"),
    ],
)
def test_a_language_that_no_voice_speaks_is_an_error_that_says_so(narrator: Narrator, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        narrator.voice_for(text)
    assert "en-US" in refused.value.hint
    assert "or give an audio file instead" in refused.value.hint
    with pytest.raises(BadInput, match=said):
        narrator.speak(text)


def test_a_hint_decides_for_latin_script_and_for_no_other(narrator: Narrator) -> None:
    assert narrator.voice_for("Dzień dobry wszystkim.", language="en-GB").language.startswith("en-")
    with pytest.raises(BadInput, match="The text is in the language 'cy'"):
        narrator.voice_for("Bore da.", language="cy")
    with pytest.raises(BadInput, match="The text is Japanese"):
        narrator.voice_for("これは映画です。", language="en")


def test_an_unknown_voice_is_named_with_those_that_exist(narrator: Narrator) -> None:
    with pytest.raises(BadInput, match="There is no voice 'darth'") as refused:
        narrator.voice_for(TEXT, "darth")
    assert f"{narrator.voices[0].name} (en-US)" in refused.value.hint


def test_the_first_voice_speaks_english_and_needs_no_choice(narrator: Narrator) -> None:
    assert narrator.voice_for(TEXT) == narrator.voices[0]
    assert narrator.voices[0].language == "en-US"
    assert len({voice.name for voice in narrator.voices}) == len(narrator.voices)
    assert narrator.name


@pytest.mark.parametrize(
    ("setting", "kind"),
    [("", HibariNarrator), ("hibari", HibariNarrator), ("kokoro", KokoroNarrator), ("stand-in", ToneNarrator)],
)
def test_a_setting_names_the_narrator(setting: str, kind: type[Narrator]) -> None:
    assert type(make_narrator(Settings.load({"LTX_MCP_NARRATOR": setting}))) is kind


# -- languages, sentences, times --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hello there.", "en"), ("Yes.", "en"), ("LTX MCP studio demo", "en"), ("A red ball.", "en"),
        ("Meet Dr. Müller and José in the café.", "en"), ("42", "en"), ("Torino", "en"), ("5 µm, and π is 3.14", "en"),
        ("Ravi Shankar plays sitar", "en"), ("Bonjour is how the French say hello.", "en"),
        ("Run pip install x.", "en"),
        ("Guten Morgen, wie geht es Ihnen?", "de"), ("La balle rouge descend la colline.", "fr"),
        ("Hola, ¿cómo estás?", "es"), ("Questo è un film su una città.", "it"), ("Bom dia a todos.", "pt"),
        ("Herkese günaydın.", "tr"), ("映画です", "ja"), ("一部电影", "zh"), ("नमस्ते दुनिया", "hi"), ("Καλημέρα", "el"),
        ("𝐇𝐞𝐥𝐥𝐨 𝐭𝐡𝐞𝐫𝐞", "en"), ("ﾄｳｷｮｳ", "ja"),
    ],
)  # fmt: skip
def test_languages_are_told_apart(text: str, code: str) -> None:
    assert language_of(text).code == code


def test_a_voice_of_another_language_is_refused_with_those_that_speak_it() -> None:
    narrator = ToneNarrator()
    german = "Guten Morgen, wie geht es Ihnen?"
    assert narrator.voice_for(german).name == "ton"
    with pytest.raises(BadInput, match=r"The text is German, which the voice tone \(en-US\) does not speak") as refused:
        narrator.speak(german, "tone")
    assert "ton (de-DE)" in refused.value.hint


def test_sentences_end_where_they_should_and_are_bounded() -> None:
    assert sentences("Dr. Smith paid 3.5 dollars. He left!\n\nThen came J. K. Rowling") == [
        ("Dr. Smith paid 3.5 dollars.", True), ("He left!", True), ("Then came J. K. Rowling", True),
    ]  # fmt: skip
    clauses = "a few words that belong together, " * 20
    for text in (clauses, "word " * 1000, "x" * MAX_CHARACTERS):
        pieces = sentences(text)
        assert max(len(piece) for piece, _ in pieces) <= MAX_PIECE
        assert "".join(piece for piece, _ in pieces).replace(" ", "") == text.replace(" ", "")
        assert [ends for _, ends in pieces] == [False] * (len(pieces) - 1) + [True]
    assert all(piece.endswith("together,") for piece, _ in sentences(clauses))


def test_what_has_no_sound_is_dropped_and_markup_is_text() -> None:
    assert speakable("One 🎉 two\u200b\x07 \N{VARIATION SELECTOR-16}20 °C") == "One  two 20 °C"
    assert speakable("[cat](/dˈɔɡ/)") == "[cat] (/dˈɔɡ/)"


def test_silence_of_the_model_is_cut_and_clauses_have_a_shorter_pause() -> None:
    def say(piece: str) -> Samples:
        return np.concatenate([np.zeros(4000), np.full(8000, 0.5), np.zeros(9000)]).astype(np.float32)

    long = "some words that go on, " * 15
    speech = assemble(long, say, 16_000, lambda: None)
    lengths = [sentence.end_s - sentence.start_s for sentence in speech.sentences]
    assert lengths == pytest.approx([0.6] * len(lengths), abs=0.011)
    pauses = [b.start_s - a.end_s for a, b in zip(speech.sentences, speech.sentences[1:], strict=False)]
    assert pauses == pytest.approx([CLAUSE_PAUSE_S] * (len(lengths) - 1), abs=1e-3)


def test_a_model_that_fails_to_speak_is_an_error() -> None:
    with pytest.raises(BadInput, match="Nothing of the narration could be said"):
        assemble("Hello.", lambda piece: np.zeros(0, np.float32), 16_000, lambda: None)
    with pytest.raises(RenderFailed, match="not numbers"):
        assemble("Hello.", lambda piece: np.full(100, np.nan, np.float32), 16_000, lambda: None)


def test_cues_hold_two_lines_at_most_and_keep_the_sentences_times() -> None:
    short = Sentence("It was never tagged.", 0.5, 2.0)
    long = Sentence("There is one sentence that has far more words in it than two lines of subtitles have room for, "
                    "and so it has to be divided between several of them.", 2.4, 10.4)  # fmt: skip
    cues = subtitle_cues(Speech(np.zeros((1, 10), np.float32), 24_000, (short, long)), at_s=3.0)
    assert (cues[0].text, cues[0].start_s, cues[0].end_s, cues[0].style) == (short.text, 3.5, 5.0, "subtitle")
    assert [len(cue.text) <= MAX_CUE for cue in cues] == [True] * 3
    assert min(len(cue.text) for cue in cues[1:]) > 60
    assert " ".join(cue.text for cue in cues[1:]) == long.text
    assert cues[1].start_s == 5.4
    assert cues[2].start_s == cues[1].end_s
    assert cues[2].end_s == pytest.approx(13.4)


# -- hibari -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hibari() -> HibariNarrator:
    return HibariNarrator()


def test_hibari_speaks_at_a_speakers_pace(hibari: HibariNarrator) -> None:
    speech = hibari.speak(TEXT)
    assert 2 <= len(TEXT.split()) / speech.duration_s <= 4
    assert speech.sample_rate == 24_000
    spectrum = np.abs(np.fft.rfft(speech.audio[0])) ** 2
    hertz = np.fft.rfftfreq(speech.audio.shape[1], 1 / speech.sample_rate)
    assert spectrum[(hertz > 80) & (hertz < 4000)].sum() > 0.9 * spectrum.sum(), "the band of a voice"


def test_hibari_pronounces_numbers_and_says_which_it_cannot(hibari: HibariNarrator) -> None:
    spoken = hibari.speak("It cost $1,250 at 7:30 pm.").duration_s
    assert spoken > 2.5, "one thousand two hundred fifty dollars at seven thirty"
    with pytest.raises(BadInput, match="cannot be pronounced") as refused:
        hibari.speak(f"The number is {'7' * 200}.")
    assert refused.value.hint == "Write numbers and symbols as words."


def test_phonemes_in_a_text_are_read_as_text(hibari: HibariNarrator) -> None:
    markup, plain = hibari.speak("Say [cat](/dˈɔɡ/) now.", language="en"), hibari.speak("Say dog now.")
    assert markup.duration_s > plain.duration_s + 0.1, "obeyed, it would be as long to the sample"


def test_a_voice_that_is_not_here_is_not_fetched_offline(hibari: HibariNarrator) -> None:
    with pytest.raises(ModelUnavailable, match="bf_emma") as missing:
        hibari.voice_for(TEXT, "emma")
    assert missing.value.hint == "Unset HF_HUB_OFFLINE to fetch it, or take the voice heart, which needs nothing."


# -- kokoro -----------------------------------------------------------------------------------------------


def test_kokoro_gives_the_style_of_the_voice_and_of_the_number_of_phonemes(tmp_path: Path) -> None:
    folder = tiny_kokoro(tmp_path / "kokoro")
    styles = np.zeros((510, 1, 256), "<f4")
    styles[3] = 0.5  # of four phonemes: hˈI.
    styles.tofile(folder / "voices" / "af_heart.bin")
    speech = KokoroNarrator(str(folder)).speak("Hi.")
    assert np.abs(speech.audio).max() == pytest.approx(0.5, abs=0.01)


def test_kokoros_voices_differ_and_british_is_read_otherwise(tmp_path: Path) -> None:
    narrator = KokoroNarrator(str(tiny_kokoro(tmp_path / "kokoro")))
    american, british = (narrator.speak("A bath.", voice).audio for voice in KOKORO_VOICES[:2])
    assert np.abs(british).max() == pytest.approx(2 * np.abs(american).max(), rel=0.02)
    assert american.shape != british.shape


def test_what_has_more_phonemes_than_kokoro_holds_is_divided(tmp_path: Path) -> None:
    narrator = KokoroNarrator(str(tiny_kokoro(tmp_path / "kokoro")))
    speech = narrator.speak(" ".join(["$7,777,777"] * 20))
    assert len(speech.sentences) == 1
    assert speech.audio.shape[1] > 2 * MAX_PHONEMES * TOKEN_SAMPLES


def test_italian_needs_the_extra_and_says_so(tmp_path: Path) -> None:
    narrator = KokoroNarrator(str(tiny_kokoro(tmp_path / "kokoro")))
    assert narrator.voice_for("Questo è un film su una città.", "if_sara").language == "it"
    with pytest.raises(ModelUnavailable, match="espeak-ng to read it") as missing:
        narrator.speak("Questo è un film su una città.", "if_sara")
    assert "ltx-mcp[kokoro]" in missing.value.hint


def test_kokoros_weights_are_named_where_they_are_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"onnx/model.onnx of onnx-community/Kokoro-82M-v1.0-ONNX \(326 MB\)"):
        KokoroNarrator().voice_for(TEXT)
    folder = tiny_kokoro(tmp_path / "kokoro")
    (folder / "voices" / "bm_george.bin").write_bytes(b"no voice")
    with pytest.raises(ModelUnavailable, match="does not hold a voice"):
        KokoroNarrator(str(folder)).speak(TEXT, "bm_george")
    (folder / "onnx" / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelUnavailable, match="Kokoro cannot be loaded"):
        KokoroNarrator(str(folder)).speak(TEXT)


def test_kokoro_has_voices_in_seven_languages() -> None:
    assert {voice.language for voice in VOICES} == {"en-US", "en-GB", "es", "fr-FR", "hi", "it", "pt-BR"}
    assert len(VOICES) == 41
