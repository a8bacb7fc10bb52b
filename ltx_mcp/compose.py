"""The composition root: settings in, a running studio out. The only place that knows every concrete class."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import anyio
from anyio import to_thread

from ltx_mcp.archive.archive import Archive
from ltx_mcp.archive.hearing import Hearing
from ltx_mcp.archive.library import Library
from ltx_mcp.archive.speech import read_speech
from ltx_mcp.archive.uploads import Uploads
from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import Engine
from ltx_mcp.engine.copying import CopyEngine
from ltx_mcp.engine.deferred import DeferredEngine
from ltx_mcp.engine.weights.choice import Withheld
from ltx_mcp.errors import ModerationUnavailable, SettingsError
from ltx_mcp.hub.arrival import Arrival
from ltx_mcp.hub.cache import local_hub
from ltx_mcp.index.choice import EMBEDDED, EmbedderChoice
from ltx_mcp.index.embed import Embedder
from ltx_mcp.index.store import ClipIndex
from ltx_mcp.jobs.device_lock import DeviceLock
from ltx_mcp.jobs.lane import Lane, LaneName
from ltx_mcp.jobs.presence import Presence
from ltx_mcp.jobs.record import job_of
from ltx_mcp.jobs.store import JobStore
from ltx_mcp.moderation.base import FrameClassifier
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.moderation.held_requests import HeldRequests
from ltx_mcp.moderation.meaning import MeaningReader
from ltx_mcp.moderation.policy import Policy
from ltx_mcp.moderation.prompts import PromptGate
from ltx_mcp.moderation.second_reader import SecondReader
from ltx_mcp.moderation.secret import SampleShift
from ltx_mcp.narration.base import Narrator
from ltx_mcp.parts import (
    STAND_IN,
    choose_embedder,
    choose_transcriber,
    make_audit,
    make_classifier,
    make_controls,
    make_draft_latents,
    make_engine,
    make_loras,
    make_narrator,
    make_policy,
    make_reader,
    make_signer,
    make_transcriber,
    remake_embedder,
    withheld_model,
)
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.provenance.base import Signer
from ltx_mcp.settings import Settings
from ltx_mcp.studio.admission import Admission
from ltx_mcp.studio.consent import Consents, DownloadConsent, LicenceConsent
from ltx_mcp.studio.equipment import Equipment
from ltx_mcp.studio.finished_clips import FinishedClips
from ltx_mcp.studio.gates import Gates
from ltx_mcp.studio.job_runner import JobRunner
from ltx_mcp.studio.publishing import Publishing
from ltx_mcp.studio.recovery import Recovery
from ltx_mcp.studio.reviewing import Reviewing, settle_reviewed
from ltx_mcp.studio.signing import Signing
from ltx_mcp.studio.studio import Studio
from ltx_mcp.studio.tracking import HEARTBEAT_S, JobTracker
from ltx_mcp.studio.verifying import Verifying
from ltx_mcp.studio.watermarking import Watermarking
from ltx_mcp.transcription.base import Transcriber
from ltx_mcp.transcription.choice import KnownTranscriber, TranscriberChoice
from ltx_mcp.watermark.base import Watermarker
from ltx_mcp.watermark.identity import own_identity
from ltx_mcp.watermark.spread_spectrum import SpreadSpectrum

UNWIND_S = 5.0  # for what goes on in the background, once the studio closes


@asynccontextmanager
async def open_reviewing(settings: Settings) -> AsyncGenerator[Reviewing]:
    """What was held for review, for the person at the machine: no studio is opened and nothing is loaded."""
    async with AsyncExitStack() as stack:
        library, jobs = _open_folder(settings, stack)
        latents, requests = make_draft_latents(settings, library), HeldRequests(settings.data_dir)
        yield Reviewing(library, jobs, requests, latents, make_audit(settings))


def _choose_again(engine: Engine) -> None:
    if isinstance(engine, DeferredEngine):
        engine.choose_again()


def _usable_policy(settings: Settings) -> Policy:
    try:
        return make_policy(settings)
    except SettingsError as error:
        raise ModerationUnavailable(f"The policy cannot be used: {error}", "Correct LTX_MCP_POLICY.") from error


def _choice(settings: Settings, embedder: Embedder | None) -> EmbedderChoice:
    return choose_embedder(settings) if embedder is None else EmbedderChoice(embedder.weights, "It was given.")


def _hear_with(known: KnownTranscriber, settings: Settings, archive: Archive) -> None:
    """One that has just come."""
    came = TranscriberChoice(known.name, "It came.", known.folder(local_hub()))
    if (transcriber := make_transcriber(settings, came)) is not None:
        archive.hearing.use(transcriber)


def _speech_choice(settings: Settings, transcriber: Transcriber | None) -> TranscriberChoice:
    return TranscriberChoice(transcriber.name, "It was given.") if transcriber else choose_transcriber(settings)


def _open_folder(settings: Settings, stack: AsyncExitStack) -> tuple[Library, JobStore]:
    """Where the disk cannot be written, what is there can still be read."""
    folder = settings.data_dir
    presence = Presence(folder)
    stack.callback(presence.close)
    library = Library(folder, presence, settings.max_bytes)
    library.clean_staging()
    jobs = JobStore(
        folder / "jobs.sqlite",
        presence,
        lambda: filter(None, map(job_of, library.all())),
        keep=settings.keep_jobs,
        keep_days=settings.keep_jobs_days,
    )
    stack.callback(jobs.close)
    settle_reviewed(jobs, library)
    return library, jobs


async def _open_lanes(
    engines: Mapping[LaneName, Engine], settings: Settings, stack: AsyncExitStack
) -> dict[LaneName, Lane]:
    return {
        name: await stack.enter_async_context(
            Lane(
                engine,
                settings.max_queue,
                settings.keep_loaded_s,
                device_lock=DeviceLock(settings.data_dir) if name == "device" else None,
            )
        )
        for name, engine in engines.items()
    }


@asynccontextmanager
async def open_studio(
    settings: Settings,
    *,
    engine: Engine | None = None,
    classifier: FrameClassifier | None = None,
    reader: MeaningReader | None = None,
    embedder: Embedder | None = None,
    controls: Controls | None = None,
    narrator: Narrator | None = None,
    signer: Signer | None = None,
    awaits_consent: Callable[[], Withheld | None] | None = None,
    transcriber: Transcriber | None = None,
    watermarker: Watermarker | None = None,
    heartbeat_s: float = HEARTBEAT_S,
    any_file: bool = False,
    fetches: bool = False,
    recovers: bool = False,
) -> AsyncGenerator[Studio]:
    """A studio that is open until the block is left. Parts that are given replace those of the settings.

    `any_file`: inputs may lie outside of LTX_MCP_ROOTS, for a person who can read them anyway; never for an agent.
    `fetches`: it stays open long enough to transcribe clips in the background, and to fetch better models for searches
    there, if LTX_MCP_DOWNLOADS allows it.
    `recovers`: it goes on with the jobs of processes that died, as a server does; a command renders its own job alone.
    """
    folder = settings.data_dir
    if engine is None:
        engine, awaits_consent = make_engine(settings), awaits_consent or partial(withheld_model, settings)
    policy = _usable_policy(settings)
    reader = reader or make_reader(settings)
    async with AsyncExitStack() as stack:
        library, jobs = _open_folder(settings, stack)
        choice = await to_thread.run_sync(_choice, settings, embedder)
        tasks = anyio.create_task_group()
        hub, downloads = local_hub(), settings.downloads if fetches else "never"
        arrival = Arrival(
            choice, hub, tasks, lambda known: archive.use(remake_embedder(settings, known.weights)), downloads
        )
        speech_choice = await to_thread.run_sync(_speech_choice, settings, transcriber)
        speech_arrival = Arrival(
            speech_choice, hub, tasks, lambda known: _hear_with(known, settings, archive), downloads
        )
        remake = partial(remake_embedder, settings)
        specialist = None if embedder or choice.weights == STAND_IN else remake(EMBEDDED)
        place, looking = settings.index or folder / "index", embedder or remake(choice.weights)
        index = ClipIndex(place, looking, remake, arrival.note, specialist, read_speech)
        stack.push_async_callback(index.close)
        lanes = await _open_lanes({"device": engine, "imports": CopyEngine(), "edits": CopyEngine()}, settings, stack)
        await stack.enter_async_context(tasks)
        frames = FrameGate(classifier or make_classifier(settings), shift=SampleShift(folder))
        second = None if reader is None else SecondReader(reader, policy)
        gates = Gates(PromptGate(policy), frames, make_audit(settings), HeldRequests(folder), second)

        def need_models() -> None:
            arrival.need()
            speech_arrival.need()

        hearing = Hearing(library, index.put, tasks, fetches, speech_arrival.note)
        archive = Archive(library, index, tasks, need_models, hearing=hearing)
        if (transcribes := transcriber or make_transcriber(settings, speech_choice)) is not None:
            hearing.use(transcribes)
        draft_latents = make_draft_latents(settings, library)
        makers = make_controls(settings) if controls is None else controls
        equipment = Equipment(engine, make_loras(settings), makers, narrator or make_narrator(settings))
        uploads = Uploads(folder, settings.max_upload_bytes)
        signer = signer or make_signer(settings)
        signing = Signing(signer, library.exports, settings.sign_prompts)
        inputs = Inputs(library, None if any_file else settings.roots, uploads, signer)
        watermarker = watermarker or SpreadSpectrum()
        tracker = JobTracker(jobs, lanes, heartbeat_s)
        admission = Admission(
            equipment=equipment,
            inputs=inputs,
            gates=gates,
            library=library,
            draft_latents=draft_latents,
            signing=signing,
        )
        publishing = Publishing(
            gates=gates,
            library=library,
            archive=archive,
            draft_latents=draft_latents,
            signing=signing,
            watermarking=Watermarking(watermarker, settings.watermark, partial(own_identity, folder)),
        )
        runner = JobRunner(admission, tracker, publishing, tasks)
        studio = Studio(
            admission=admission,
            runner=runner,
            jobs=tracker,
            archive=archive,
            clips=FinishedClips(inputs, archive, gates, signing),
            verifying=Verifying(inputs, library, watermarker),
            consents=Consents(
                LicenceConsent(folder, awaits_consent or (lambda: None), partial(_choose_again, engine)),
                DownloadConsent((arrival, speech_arrival)),
            ),
        )
        if recovers:
            recovery = Recovery(tracker, archive, publishing, runner.begin)
            stack.callback(recovery.stop)
            tasks.start_soon(recovery.run)
        try:
            yield studio
        finally:
            tracker.stop()
            arrival.stop()
            speech_arrival.stop()
            archive.upkeep.stop()
            archive.hearing.stop()
            tasks.cancel_scope.deadline = anyio.current_time() + UNWIND_S
