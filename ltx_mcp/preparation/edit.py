"""Edits: shots of the archive and of the user's files become one film."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ltx_mcp.archive.library import TIMELINE
from ltx_mcp.edit.film import Film, lay_out, shot_texts, shot_times, source_uses
from ltx_mcp.edit.otio import write_timeline
from ltx_mcp.edit.segments import film_frames
from ltx_mcp.edit.sizes import film_fps, film_size
from ltx_mcp.engine.base import Materials, Rendering, Watch
from ltx_mcp.preparation.film_texts import check_letters, film_titles, subtitle_cues, text_filter
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.preparation.shot_sources import ShotSource, looks, shot_sources
from ltx_mcp.types.clips import COMPOSITE, Provenance
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.sizes import Resolution
from ltx_mcp.types.timeline import EditRequest, Subtitles

EDIT_MODEL = "none (edited)"


def edited(request: EditRequest, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError; what is about one shot names it."""
    found = shot_sources(request.shots, inputs)
    film, resolution = _film(request, found)
    duration_s = film.frames / film.fps
    cues = subtitle_cues(request, duration_s)
    notes = check_letters(_drawn(request))
    seen = looks(film.shots, found, film.fps)
    models = _models(found)

    def gather(plan: Plan, watch: Watch) -> Materials:
        work = TemporaryDirectory(prefix="ltx-mcp-film-", ignore_cleanup_errors=True)
        try:
            burnt = cues if isinstance(request.subtitles, Subtitles) and request.subtitles.burn_in else ()
            text = text_filter(film, (*film.texts, *burnt), Path(work.name))
            return Materials(finished=Rendering(film_frames(film, Path(work.name), text), close=work.cleanup))
        except BaseException:
            work.cleanup()
            raise

    return PreparedJob(
        "edited",
        _plan(request, film, resolution, ", ".join(models) or EDIT_MODEL, notes),
        source=request.base,
        recipe="draft edit" if request.quality == "draft" else "edit",
        gather=gather,
        inputs=lambda: [frame for _, frame in seen],
        input_name=lambda place: f"Shot {seen[min(place, len(seen) - 1)][0]}",
        provenance=Provenance(digital_source_type=COMPOSITE if models else None),
        lane="edits",
        sources=source_uses(film.shots, film.fps),
        texts={TIMELINE: write_timeline(request, film.shots, film.fps, _urls(request, found))},
    )


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
        (each.clip.path.as_uri() if each.clip else shot.source if "://" in shot.source else Path(shot.source).as_uri())
        for shot, each in zip(request.shots, found, strict=True)
    ]


def _models(found: Sequence[ShotSource]) -> list[str]:
    """The models that made any of the sources, each once."""
    made = [each.clip for each in found if each.clip and each.clip.provenance.digital_source_type is not None]
    return list(dict.fromkeys(clip.model for clip in made))


def _drawn(request: EditRequest) -> list[tuple[str, str]]:
    """Every text that is drawn into frames, with what it is."""
    soft = isinstance(request.subtitles, Subtitles) and not request.subtitles.burn_in
    left_out = ("title of the film", "narration", *(["text of the subtitles"] if soft else []))
    return [(part, text) for part, text in request.named_texts if not part.startswith(left_out)]
