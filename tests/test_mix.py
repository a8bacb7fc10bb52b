"""A film's audio, measured: where things are, how loud they are, and what must not be there."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from media_kit import ffmpeg, film, leaving_nothing, write_counting
from narration_kit import level_db
from numpy.typing import NDArray

from ltx_mcp.errors import BadInput, Cancelled, MediaError
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.framecrc import list_audio
from ltx_mcp.media.loudness import CEILING_DBTP, MAX_GAIN_DB, SILENT_LUFS, Loudness
from ltx_mcp.media.mix import Mixed, mix_film
from ltx_mcp.narration.stand_in import ToneNarrator
from ltx_mcp.types.film import AudioPlacement, AudioRole

RATE = 48_000
Stereo = NDArray[np.float32]


def wav(path: Path, audio: NDArray[np.float64] | NDArray[np.float32], rate: int = RATE) -> Path:
    """A float WAV of (samples,) or (samples, 2)."""
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    raw = path.with_suffix(".f32")
    raw.write_bytes(audio.astype("<f4").tobytes())
    ffmpeg("-f", "f32le", "-ar", rate, "-ac", channels, "-i", raw, "-c:a", "pcm_f32le", path)
    raw.unlink()
    return path


def tone(hertz: float, seconds: float, rms_db: float = -20.0) -> NDArray[np.float64]:
    times = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.sqrt(2) * 10 ** (rms_db / 20) * np.sin(2 * np.pi * hertz * times))


def noise(seconds: float, rms_db: float = -20.0, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2)) * 10 ** (rms_db / 20)


def place(path: Path, at_s: float, duration_s: float, role: AudioRole = "shot", **more: float | bool) -> AudioPlacement:
    return AudioPlacement.model_validate({"path": path, "role": role, "at_s": at_s, "duration_s": duration_s, **more})


def mixed(folder: Path, placements: Sequence[AudioPlacement], seconds: float) -> tuple[Stereo, Mixed]:
    """(samples, 2) of the mix."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    samples = round(seconds * RATE)
    result = mix_film(placements, samples, work)
    assert list(work.iterdir()) == [result.path], "nothing else is left behind"
    audio = np.fromfile(result.path, "<f4").reshape(-1, 2)
    assert len(audio) == samples
    return audio, result


def part(audio: Stereo, start_s: float, end_s: float) -> Stereo:
    return audio[round(start_s * RATE) : round(end_s * RATE)]


def level_at(audio: Stereo, hertz: float) -> float:
    """The level of one frequency, in dB."""
    left = audio[:, 0].astype(np.float64) * np.hanning(len(audio))
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(audio)) / RATE)
    return float(20 * np.log10(abs(left @ wave) / len(audio) + 1e-12))


def meter(path: Path) -> tuple[float, float]:
    """(integrated LUFS, true peak in dBTP), as ffmpeg's ebur128 prints them of a raw file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-f", "f32le", "-ar", str(RATE)]
    command += ["-ch_layout", "stereo", "-i", str(path), "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    [integrated] = re.findall(r"I:\s+(-?[\d.]+) LUFS", said)
    [peak] = re.findall(r"Peak:\s+(-?[\d.]+|-inf) dBFS", said)
    return float(integrated), float(peak)


# -- where things are -------------------------------------------------------------------------------------


def test_a_click_lies_at_its_sample(tmp_path: Path) -> None:
    audio = 0.001 * noise(2)[:, 0]
    audio[RATE // 2] = audio[0] = 0.5
    path = wav(tmp_path / "click.wav", audio)
    out, _ = mixed(tmp_path, [place(path, 1.25, 1.0)], 3)
    assert np.abs(out).max(axis=1).argmax() == 1.75 * RATE
    assert level_db(out[: round(1.24 * RATE)]) < -100
    assert level_db(out[round(2.26 * RATE) :]) < -100
    out, _ = mixed(tmp_path, [place(path, 1.0, 1.0, source_start_s=0.25)], 3)
    assert np.abs(out).max(axis=1).argmax() == 1.25 * RATE
    first, _ = mixed(tmp_path, [place(path, 0.5, 0.4)], 1)
    loud = np.flatnonzero(np.abs(first).max(axis=1) > 10 * np.abs(part(first, 0.7, 0.9)).max())
    assert not len(loud), "what is cut is faded in"


def test_audio_of_a_video_keeps_its_time(tmp_path: Path) -> None:
    audio = np.zeros((2, 2 * RATE), np.float32)
    audio[:, RATE : RATE + 480] = tone(2000, 0.01, -6).astype(np.float32)
    clip = write_counting(tmp_path / "beep.mp4", frames=20, fps=10, audio=audio)
    out, _ = mixed(tmp_path, [place(clip, 0.5, 1.5, source_start_s=0.5)], 2)
    heard = np.flatnonzero(np.abs(out[:, 0]) > 0.3 * np.abs(out).max())
    assert heard[0] / RATE == pytest.approx(1.0, abs=0.005)
    assert heard[-1] / RATE == pytest.approx(1.01, abs=0.005)


@pytest.mark.parametrize(("frames", "fps"), [(1, 24), (100, 30000 / 1001), (37, 23.976), (8, 60)])
def test_the_length_is_the_films_to_the_sample(tmp_path: Path, frames: int, fps: float) -> None:
    path = wav(tmp_path / "noise.wav", noise(5))
    mixed(tmp_path, [place(path, 0.0, frames / fps)], frames / fps)


def test_shots_overlap_at_equal_power(tmp_path: Path) -> None:
    paths = [wav(tmp_path / f"{seed}.wav", noise(4, seed=seed)) for seed in range(3)]
    placements = [
        place(paths[0], 0.0, 3.0, fade_out_s=1.0),
        place(paths[1], 2.0, 3.0, fade_in_s=1.0, fade_out_s=0.5),
        place(paths[2], 4.5, 3.5, fade_in_s=0.5),
    ]
    out, _ = mixed(tmp_path, placements, 8)
    levels = [level_db(part(out, 0.1 * step, 0.1 * step + 0.1)) for step in range(1, 79)]
    assert max(levels) - min(levels) < 1.0


def test_a_cut_has_no_click_and_hardly_a_gap(tmp_path: Path) -> None:
    path = wav(tmp_path / "hum.wav", tone(50, 2, -6))
    out, _ = mixed(tmp_path, [place(path, 0, 1), place(path, 1.0, 1.0, source_start_s=0.005)], 2)
    steps = np.abs(np.diff(out[:, 0]))
    assert steps[RATE - 200 : RATE + 200].max() < 20 * np.median(steps)
    assert level_db(part(out, 0.95, 1.05)) == pytest.approx(level_db(part(out, 0.4, 0.5)), abs=0.5)


# -- how loud they are ------------------------------------------------------------------------------------


def _varied(folder: Path, kind: str) -> list[AudioPlacement]:
    speech = place(wav(folder / "speech.wav", tone(440, 2, -35)), 2, 2, "speech")
    music = place(wav(folder / "music.wav", noise(3, -12)), 0, 6, "music", loop=True, gain_db=-12, fade_out_s=1)
    shot = wav(folder / "shot.wav", noise(6, -30, seed=1))
    drums = np.zeros((6 * RATE, 2))
    for start in range(0, 6 * RATE, RATE // 2):
        drums[start : start + RATE // 4] = noise(0.25, -10, seed=start) * np.exp(-np.arange(RATE // 4) / 2400)[:, None]
    cases = {
        "quiet shot": [place(shot, 0, 6)],
        "loud music": [place(music.path, 0, 6, "music", loop=True, gain_db=10)],
        "all": [place(shot, 0, 6), speech, music],
        "speech alone": [speech],
        "peaks": [place(wav(folder / "drums.wav", drums), 0, 6), place(shot, 0, 6, gain_db=6)],
    }
    return cases[kind]


@pytest.mark.parametrize("kind", ["quiet shot", "loud music", "all", "speech alone", "peaks"])
def test_a_mix_is_at_14_lufs_with_peaks_under_1_dbtp(tmp_path: Path, kind: str) -> None:
    _, result = mixed(tmp_path, _varied(tmp_path, kind), 6)
    integrated, peak = meter(result.path)
    assert integrated == pytest.approx(-14, abs=0.5)
    assert peak <= -1.0
    assert result.loudness.integrated_lufs == pytest.approx(integrated, abs=0.11)
    assert result.loudness.true_peak_dbtp == pytest.approx(peak, abs=0.11)
    assert not result.loudness.silent


def test_nothing_is_silence_and_silence_is_not_amplified(tmp_path: Path) -> None:
    silent = Loudness(SILENT_LUFS, -100.0, 0.0)
    out, result = mixed(tmp_path, [], 2)
    assert not out.any()
    assert result.loudness == silent
    assert result.loudness.silent
    path = wav(tmp_path / "zeros.wav", np.zeros(RATE))
    for role in ("shot", "speech", "music"):
        out, result = mixed(tmp_path, [place(path, 0, 1, role)], 2)
        assert not out.any()
        assert result.loudness == silent
    hiss = wav(tmp_path / "hiss.wav", noise(2, -80))
    out, result = mixed(tmp_path, [place(hiss, 0, 2)], 2)
    assert level_db(out) == pytest.approx(-80, abs=0.5)
    assert result.loudness.silent


def test_what_is_nearly_silent_and_single_clicks_are_not_blown_up(tmp_path: Path) -> None:
    faint = wav(tmp_path / "faint.wav", noise(3, -62))
    out, result = mixed(tmp_path, [place(faint, 0, 3)], 3)
    assert level_db(out) == pytest.approx(-62 + MAX_GAIN_DB, abs=0.5)
    assert result.loudness.integrated_lufs == pytest.approx(meter(result.path)[0], abs=0.11)
    clicks = np.zeros(4 * RATE)
    clicks[RATE :: RATE // 2] = 0.9
    out, result = mixed(tmp_path, [place(wav(tmp_path / "clicks.wav", clicks), 0, 4)], 4)
    assert meter(result.path)[1] <= -1.0
    assert result.loudness.integrated_lufs < -20, "the peaks have the last word"


def test_volume_is_relative_between_shots(tmp_path: Path) -> None:
    path = wav(tmp_path / "noise.wav", noise(4))
    out, _ = mixed(tmp_path, [place(path, 0, 2), place(path, 2, 2, gain_db=-6)], 4)
    assert level_db(part(out, 0.5, 1.5)) - level_db(part(out, 2.5, 3.5)) == pytest.approx(6, abs=0.2)


@pytest.mark.parametrize(
    ("layout", "rate", "channel"),
    [("mono", 44100, "c0"), ("stereo", 8000, "c0"), ("5.1", 48000, "c0"), ("7.1", 96000, "c0"), ("2.1", 22050, "c0")],
)
def test_every_layout_and_rate_arrives_as_loud(tmp_path: Path, layout: str, rate: int, channel: str) -> None:
    path = tmp_path / "odd.wav"
    source = f"aevalsrc='0.1*sqrt(2)*sin(2*PI*500*t)':s={rate}:d=3"
    ffmpeg("-f", "lavfi", "-i", source, "-af", f"pan={layout}|{channel}=c0", "-c:a", "pcm_f32le", path)
    reference = wav(tmp_path / "reference.wav", np.stack([tone(500, 3), 0 * tone(500, 3)], axis=1))
    out, _ = mixed(tmp_path, [place(reference, 0, 3), place(path, 3, 3)], 6)
    assert level_at(part(out, 4, 5), 500) == pytest.approx(level_at(part(out, 1, 2), 500), abs=0.1)
    both_sides = level_db(part(out, 4, 5)[:, 1]) > -60
    assert both_sides == (layout == "mono")


def test_real_5_1_audio_is_mixed_down(tmp_path: Path) -> None:
    out, _ = mixed(tmp_path, [place(film("bigbuckbunny.mp4"), 0, 5)], 5)
    assert level_db(out[:, 0]) == pytest.approx(level_db(out[:, 1]), abs=6)


# -- speech and music -------------------------------------------------------------------------------------


def test_speech_is_in_its_window_and_nowhere_else(tmp_path: Path) -> None:
    quiet, loud = (wav(tmp_path / f"{level}.wav", tone(440, 1, level)) for level in (-32, -12))
    out, _ = mixed(tmp_path, [place(quiet, 1, 1, "speech"), place(loud, 3, 1, "speech")], 5)
    assert level_db(part(out, 1.05, 1.95)) == pytest.approx(level_db(part(out, 3.05, 3.95)), abs=0.3)
    for start_s, end_s in ((0, 1), (2, 3), (4, 5)):
        assert level_db(part(out, start_s, end_s)) < -100


def test_music_is_ducked_under_speech_and_comes_back(tmp_path: Path) -> None:
    music = place(wav(tmp_path / "music.wav", tone(1000, 10, -18)), 0, 10, "music")
    speech = place(wav(tmp_path / "speech.wav", tone(300, 3, -25)), 3, 3, "speech")
    shot = place(wav(tmp_path / "shot.wav", tone(2200, 10, -30)), 0, 10)
    out, _ = mixed(tmp_path, [music, speech, shot], 10)

    def music_at(start_s: float) -> float:
        return level_at(part(out, start_s, start_s + 0.2), 1000)

    before = music_at(2)
    for during in (3.3, 4, 5.5):
        assert -15 < music_at(during) - before < -9
    assert abs(music_at(7) - before) < 1.0, "a second after the last word"
    assert abs(music_at(9) - before) < 0.2
    assert level_at(part(out, 4, 5), 2200) == pytest.approx(level_at(part(out, 8, 9), 2200), abs=0.1), "the shot's own"


def test_music_stays_down_in_the_pauses_between_sentences(tmp_path: Path) -> None:
    sentences = np.concatenate([tone(300, 1), np.zeros(round(0.35 * RATE)), tone(300, 1)])
    music = place(wav(tmp_path / "music.wav", tone(1000, 6, -18)), 0, 6, "music")
    speech = place(wav(tmp_path / "speech.wav", sentences), 2, len(sentences) / RATE, "speech")
    out, _ = mixed(tmp_path, [music, speech], 6)
    pause = level_at(part(out, 3.1, 3.3), 1000)
    assert pause < level_at(part(out, 1, 1.2), 1000) - 3


def test_music_is_not_ducked_by_itself(tmp_path: Path) -> None:
    music = place(wav(tmp_path / "music.wav", tone(1000, 6, -6)), 0, 6, "music")
    out, _ = mixed(tmp_path, [music], 6)
    levels = [level_db(part(out, second, second + 0.5)) for second in range(1, 5)]
    assert max(levels) - min(levels) < 0.05


def test_music_loops_to_the_sample_and_fades(tmp_path: Path) -> None:
    period = noise(0.7, -20)
    music = place(wav(tmp_path / "loop.wav", period), 0.5, 4, "music", loop=True, fade_in_s=1, fade_out_s=1)
    out, _ = mixed(tmp_path, [music], 5)
    steady = part(out, 1.5, 3.5)
    assert np.abs(steady[len(period) :] - steady[: -len(period)]).max() < 1e-4
    assert level_db(part(out, 0.5, 0.7)) < level_db(steady) - 10
    assert level_db(part(out, 4.3, 4.5)) < level_db(steady) - 10
    assert not part(out, 0, 0.5).any()
    assert not part(out, 4.5, 5).any()


def test_music_that_ends_before_the_film_fades_at_its_own_end(tmp_path: Path) -> None:
    music = place(wav(tmp_path / "short.wav", noise(2)), 0, 5, "music", fade_out_s=1)
    out, _ = mixed(tmp_path, [music], 5)
    assert level_db(part(out, 1.8, 1.95)) < level_db(part(out, 0.2, 0.8)) - 8
    assert not part(out, 2, 5).any()


# -- speed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
def test_the_pitch_is_kept_at_another_speed(tmp_path: Path, speed: float) -> None:
    audio = tone(440, 8)
    path = wav(tmp_path / "tone.wav", audio)
    duration_s = min(8.0, 8 / speed)
    out, _ = mixed(tmp_path, [place(path, 0, duration_s, speed=speed)], duration_s)
    middle = part(out, 0.2 * duration_s, 0.8 * duration_s)[:, 0]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE / len(middle) == pytest.approx(440, abs=2)
    near = spectrum[max(0, np.argmax(spectrum) - 20) : np.argmax(spectrum) + 20]
    assert (near**2).sum() > 0.99 * (spectrum**2).sum()
    assert level_db(part(out, 0.9 * duration_s, 0.97 * duration_s)) == pytest.approx(level_db(middle), abs=1), "full"


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_a_click_keeps_its_place_at_another_speed(tmp_path: Path, speed: float) -> None:
    audio = np.zeros(6 * RATE)
    audio[2 * RATE : 2 * RATE + 240] = noise(0.005, -6)[:, 0]
    path = wav(tmp_path / "click.wav", audio)
    out, _ = mixed(tmp_path, [place(path, 1, 1.5, source_start_s=1.5, speed=speed)], 3)
    assert np.abs(out[:, 0]).argmax() / RATE == pytest.approx(1 + 0.5 / speed, abs=0.02)


# -- around the mix ---------------------------------------------------------------------------------------


def test_a_narrators_speech_goes_through_a_file_into_the_film(tmp_path: Path) -> None:
    speech = ToneNarrator().speak("One two three. Four five six.")
    path = wav(tmp_path / "speech.wav", speech.audio[0], speech.sample_rate)
    assert list_audio(path).end_s == pytest.approx(speech.duration_s, abs=1e-3)
    out, _ = mixed(tmp_path, [place(path, 1, speech.duration_s, "speech")], 5)
    for sentence in speech.sentences:
        assert level_db(part(out, 1 + sentence.start_s + 0.06, 1 + sentence.end_s - 0.06)) > -25
    first, second = speech.sentences
    assert level_db(part(out, 1 + first.end_s + 0.01, 1 + second.start_s - 0.01)) < -80
    assert level_db(part(out, 0, 0.99)) < -100


def test_the_delivered_file_keeps_length_loudness_and_peaks(tmp_path: Path) -> None:
    frames, fps = 125, 25.0
    speech = place(wav(tmp_path / "speech.wav", tone(440, 2)), 1, 2, "speech")
    _, result = mixed(tmp_path, [place(film("bigbuckbunny.mp4"), 0, 5), speech], frames / fps)
    with VideoWriter(tmp_path / "film.mp4", 64, 48, fps, frames) as writer:
        for _ in range(frames):
            writer.write(np.zeros((48, 64, 3), np.uint8))
        writer.add_audio_file(result.path)
    delivered = tmp_path / "delivered.raw"
    ffmpeg("-i", tmp_path / "film.mp4", "-ac", 2, "-ar", RATE, "-f", "f32le", delivered)
    integrated, peak = meter(delivered)
    assert integrated == pytest.approx(-14, abs=0.5)
    assert peak <= -0.9, "AAC gives peaks back a little higher"


def test_only_audio_has_a_duration(tmp_path: Path) -> None:
    assert list_audio(film("bigbuckbunny.mp4")).end_s == pytest.approx(5.3, abs=0.1)
    (tmp_path / "list.m3u").write_text(f"{film('bigbuckbunny.mp4')}\n")
    mute = write_counting(tmp_path / "mute.mp4")
    for path in (tmp_path / "list.m3u", mute, tmp_path / "nowhere.wav"):
        with pytest.raises(MediaError, match=f"{path.name} cannot be read as audio") as refused:
            list_audio(path)
        assert "playlists are not read" in refused.value.hint
        assert "whitelist" not in str(refused.value), "ffmpeg's list of formats helps nobody"


# -- what must not be there -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u", "#EXTM3U\n{other}\n"),
        ("list.mp3", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:{other}\n#EXT-X-ENDLIST\n"),
        ("list.wav", "ffconcat version 1.0\nfile '{other}'\n"),
        ("words.ogg", "no audio at all"),
        ("empty.flac", ""),
    ],
)
@pytest.mark.parametrize("role", ["shot", "speech", "music"])
def test_a_playlist_is_refused_and_what_it_names_is_not_read(
    tmp_path: Path, name: str, text: str, role: AudioRole
) -> None:
    other = wav(tmp_path / "other.wav", noise(1))
    (tmp_path / name).write_text(text.format(other=other))
    (tmp_path / "work").mkdir()
    with leaving_nothing(tmp_path), pytest.raises(MediaError, match=f"The audio of {name} cannot be read") as refused:
        mix_film([place(tmp_path / name, 0, 1, role)], RATE, tmp_path / "work")
    assert "playlists are not read" in refused.value.hint


def test_values_that_are_not_numbers_are_silence(tmp_path: Path) -> None:
    broken = noise(3, -20)
    broken[RATE : RATE + 100] = np.nan
    broken[RATE + 200] = np.inf
    broken[RATE + 300] = -1e30
    out, result = mixed(tmp_path, [place(wav(tmp_path / "nan.wav", broken), 0, 3)], 3)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 10 ** (CEILING_DBTP / 20) + 0.01
    assert result.loudness.integrated_lufs == pytest.approx(-14, abs=0.5)


def test_passages_that_overlap_and_loops_of_nothing_are_refused(tmp_path: Path) -> None:
    path = wav(tmp_path / "tone.wav", tone(440, 2))
    (tmp_path / "work").mkdir()
    with pytest.raises(BadInput, match=r"begins at 1.50 s, while the passage before it lasts until 2.00 s"):
        mix_film([place(path, 1.5, 1, "speech"), place(path, 0, 2, "speech")], 3 * RATE, tmp_path / "work")
    short = wav(tmp_path / "short.wav", tone(440, 0.01))
    with pytest.raises(BadInput, match=r"short.wav is too short to be repeated"):
        mix_film([place(short, 0, 2, "music", loop=True)], 3 * RATE, tmp_path / "work")
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("after", [0, 3, 9, 14])
def test_a_cancel_leaves_no_process_and_no_file(tmp_path: Path, after: int) -> None:
    placements = _varied(tmp_path, "all")
    (tmp_path / "work").mkdir()
    left = iter(range(after))

    def cancelling() -> None:
        if next(left, None) is None:
            raise Cancelled

    with leaving_nothing(tmp_path), pytest.raises(Cancelled):
        mix_film(placements, 6 * RATE, tmp_path / "work", cancelling)


_MIX = """
import resource, sys
from pathlib import Path
from ltx_mcp.media.mix import mix_film
from ltx_mcp.types.film import AudioPlacement
source, folder, shots = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
placements = [AudioPlacement(path=source, role="shot", at_s=3 * n, duration_s=4, fade_in_s=1, fade_out_s=1)
              for n in range(shots)]
placements.append(AudioPlacement(path=source, role="music", at_s=0, duration_s=3 * shots, loop=True, gain_db=-12))
placements.append(AudioPlacement(path=source, role="speech", at_s=1, duration_s=3))
mix_film(placements, 48000 * 3 * shots, folder)
print(sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_shots(tmp_path: Path) -> None:
    source = wav(tmp_path / "noise.wav", noise(10))

    def kilobytes(shots: int) -> int:
        command = [sys.executable, "-c", _MIX, str(source), str(tmp_path), str(shots)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)

    assert kilobytes(40) < 1.1 * kilobytes(10)


@pytest.mark.slow
def test_a_hundred_shots_are_mixed(tmp_path: Path) -> None:
    path = wav(tmp_path / "noise.wav", noise(1))
    placements = [place(path, 0.4 * shot, 0.5, fade_in_s=0.1, fade_out_s=0.1) for shot in range(100)]
    out, _ = mixed(tmp_path, placements, 40.1)
    levels = [level_db(part(out, 0.1 * step, 0.1 * step + 0.1)) for step in range(1, 399)]
    assert max(levels) - min(levels) < 1.5
