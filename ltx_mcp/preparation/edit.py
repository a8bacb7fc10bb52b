"""Edits: shots of the archive and of the user's files become one film."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ltx_mcp.archive.sidecar import TIMELINE
from ltx_mcp.edit.film import Film, lay_out, shot_texts, shot_times, source_uses
from ltx_mcp.edit.otio import write_timeline
from ltx_mcp.edit.segments import film_frames
from ltx_mcp.edit.sizes import film_fps, film_size
from ltx_mcp.edit.sources import VideoSource
from ltx_mcp.engine.base import Materials, Rendering, Watch
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.mix import Mixed, mix_film
from ltx_mcp.narration.base import Narrator
from ltx_mcp.preparation.film_audio import FilmAudio, film_audio, placed, spoken
from ltx_mcp.preparation.film_texts import check_letters, film_titles, subtitle_cues, text_filter, within
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.preparation.shot_sources import ShotSource, looks, shot_sources
from ltx_mcp.preparation.source_notes import frame_notes
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.clips import COMPOSITE, DRAFT_EDIT, Provenance
from ltx_mcp.types.codecs import chosen_codec
from ltx_mcp.types.film import Loudness, TimedText
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.sizes import Resolution
from ltx_mcp.types.timeline import BLACK, EditRequest, Narration, Subtitles
from ltx_mcp.typeset.subtitles import write_srt

EDIT_MODEL = "none (edited)"


def prepare_edit(request: EditRequest, inputs: Inputs, narrator: Narrator) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError, ModelUnavailable; what is about one shot or passage names it."""
    found = shot_sources(request.shots, inputs)
    film, resolution = _film(request, found)
    cues = subtitle_cues(request, film.frames / film.fps)
    audio = film_audio(request, film, inputs, narrator)
    assembly = _Assembly(request, film, audio, cues, narrator)
    notes = (*check_letters(_drawn(request)), *_source_notes(found))
    seen = looks(film.shots, found, film.fps)
    models = _models(found, request.narration, narrator)
    return PreparedJob(
        "edited",
        _plan(request, film, resolution, ", ".join(models) or EDIT_MODEL, notes),
        source=request.base,
        recipe=DRAFT_EDIT if request.quality == "draft" else "edit",
        gather=assembly.gather,
        input_frames=lambda: [frame for _, frame in seen],
        input_name=lambda place: f"Shot {seen[min(place, len(seen) - 1)][0]}",
        provenance=Provenance(digital_source_type=COMPOSITE if models else None),
        lane="edits",
        sources=source_uses(film.shots, film.fps),
        texts={TIMELINE: write_timeline(request, film.shots, film.fps, _urls(request, found), placed(audio))},
    )


@dataclass(frozen=True)
class _Assembly:
    """A film that can be rendered. `cues` are those of a subtitle text; those of the narration are not known yet."""

    request: EditRequest
    film: Film
    audio: FilmAudio
    cues: tuple[TimedText, ...]
    narrator: Narrator

    def gather(self, plan: Plan, watch: Watch) -> Materials:
        """Speak and mix first: then the frames stream by, with nothing left to wait for."""
        work = TemporaryDirectory(prefix="ltx-mcp-film-", ignore_cleanup_errors=True)
        try:
            return Materials(finished=self._rendering(Path(work.name), work.cleanup, watch.check))
        except BaseException:
            work.cleanup()
            raise

    def _rendering(self, work: Path, close: Callable[[], None], check: Check) -> Rendering:
        placements, said = spoken(self.audio, self.film, self.narrator, work, check)
        mixed = mix_film(placements, round(self._duration_s * SAMPLE_RATE), work, check) if placements else None
        burnt, soft = self._subtitles(said)
        return Rendering(
            film_frames(self.film, work, text_filter(self.film, (*self.film.texts, *burnt), work)),
            audio_file=None if mixed is None else mixed.path,
            loudness=None if mixed is None else _loudness(mixed),
            subtitle_file=_written(soft, work / "subtitles.srt"),
            said=within(said, self._duration_s) or self.cues,
            close=close,
        )

    def _subtitles(self, said: Sequence[TimedText]) -> tuple[tuple[TimedText, ...], tuple[TimedText, ...]]:
        """Those that are burnt in, and those that are a track."""
        subtitles = self.request.subtitles
        if not isinstance(subtitles, Subtitles):
            return (), ()
        shown = within(said, self._duration_s) if subtitles.from_narration else self.cues
        return (shown, ()) if subtitles.burn_in else ((), shown)

    @property
    def _duration_s(self) -> float:
        return self.film.frames / self.film.fps


def _loudness(mixed: Mixed) -> Loudness:
    found = mixed.loudness
    return Loudness(integrated_lufs=round(found.integrated_lufs, 2), true_peak_dbtp=round(found.true_peak_dbtp, 2))


def _written(cues: Sequence[TimedText], path: Path) -> Path | None:
    if not cues:
        return None
    write_srt(path, cues)
    return path


def _film(request: EditRequest, found: Sequence[ShotSource]) -> tuple[Film, Resolution]:
    sources = [each.source for each in found]
    fps = film_fps(request, sources)
    (width, height), resolution = film_size(request, sources)
    shots = lay_out(request.shots, sources, fps)
    texts = (*film_titles(request.titles, shots[-1].end / fps), *shot_texts(shots, fps))
    return Film(width, height, fps, request.fit or "crop", shots, texts), resolution


def _plan(request: EditRequest, film: Film, resolution: Resolution, model: str, notes: tuple[str, ...]) -> Plan:
    return Plan(
        prompt=request.prompt,
        width=film.width,
        height=film.height,
        frames=film.frames,
        fps=film.fps,
        duration_s=film.frames / film.fps,
        resolution=resolution,
        quality=request.quality,
        codec=chosen_codec(request.codec, resolution),
        audio=True,
        seed=0,
        model=model,
        made_width=film.width,
        made_height=film.height,
        made_frames=film.frames,
        notes=notes,
        shots=shot_times(film.shots, film.fps),
    )


def _urls(request: EditRequest, found: Sequence[ShotSource]) -> list[str]:
    """Where each shot's media lies, for editors that know no archive."""
    return [
        each.clip.path.as_uri()
        if each.clip
        else shot.source
        if "://" in shot.source or shot.source == BLACK
        else Path(shot.source).as_uri()
        for shot, each in zip(request.shots, found, strict=True)
    ]


def _source_notes(found: Sequence[ShotSource]) -> Iterator[str]:
    """What is to be said of files, each once, by the first shot that shows it."""
    told: set[Path] = set()
    for number, each in enumerate(found, 1):
        if each.clip is None and isinstance(each.source, VideoSource) and each.source.footage.path not in told:
            told.add(each.source.footage.path)
            yield from (f"Shot {number}: {note}" for note in frame_notes(each.source.footage.source))
    yield from dict.fromkeys(note for each in found for note in each.notes)  # of images, which they name


def _models(found: Sequence[ShotSource], narration: Sequence[Narration], narrator: Narrator) -> list[str]:
    """The models that made any of the sources, and the one that speaks, each once."""
    speaks = [narrator.name] if any(passage.text for passage in narration) else []
    return list(dict.fromkeys([*(each.origin.model for each in found if each.origin), *speaks]))


def _drawn(request: EditRequest) -> list[tuple[str, str]]:
    """Every text that is drawn into frames, with what it is."""
    subtitles = request.subtitles
    soft = isinstance(subtitles, Subtitles) and not subtitles.burn_in
    spoken_too = isinstance(subtitles, Subtitles) and subtitles.from_narration and subtitles.burn_in
    left_out = ("title of the film", *([] if spoken_too else ["narration"]), *(["text of"] if soft else []))
    return [(part, text) for part, text in request.named_texts if not part.startswith(left_out)]
