"""What the person at the machine can do with what moderation was not sure of: `ltx-mcp review`. No tool reaches it.

A clip is released by the rename that would have published it, and the record of its job then says that it succeeded.
The files come first, for they are the truth: a record that a dead process left behind is put right by the next look.
"""

from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.archive.draft_latents import DraftLatents
from ltx_mcp.archive.library import Library
from ltx_mcp.errors import HeldForReview
from ltx_mcp.jobs.store import JobStore
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.held_requests import HeldRequests
from ltx_mcp.types import states
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.owners import calling
from ltx_mcp.types.value import Value

DELETED = states.Refused("refused", "The person at this machine looked at the clip and deleted it.")


class HeldThing(Value):
    """What waits: a clip, the words of a request, or its inputs. `look_at` is an image of it, `video` the clip."""

    id: str
    what: str
    at: str
    category: str
    about: str
    look_at: Path | None = None
    video: Path | None = None


def held_for_review(clip: Clip) -> HeldForReview:
    """What the job says whose clip is held: nothing of what is in it."""
    verdict = clip.moderation
    score = f"{verdict.category} {verdict.max_score:.2f}, limit {verdict.threshold or 0:.2f}"
    return HeldForReview(
        f"The finished clip is held for review: moderation is not sure of it ({score}).",
        f"Tell the user. Only the person at this machine can see it (`ltx-mcp review`), publish it as it is "
        f"(`ltx-mcp review release {clip.clip_id}`) or delete it (`ltx-mcp review delete {clip.clip_id}`). "
        "get_job tells what became of it.",
    )


@dataclass(frozen=True)
class Reviewing:
    """For one data directory, which servers may share. Its methods block."""

    library: Library
    jobs: JobStore
    requests: HeldRequests
    draft_latents: DraftLatents
    audit: Audit

    def held(self) -> list[HeldThing]:
        """All that waits, clips first, the oldest first."""
        self.settle()
        clips = [
            HeldThing(
                id=clip.clip_id,
                what="clip",
                at=clip.created_at.isoformat(timespec="seconds"),
                category=f"{clip.moderation.category} {clip.moderation.max_score:.2f}",
                about=clip.prompt,
                look_at=clip.sheet_path,
                video=clip.path,
            )
            for clip in self.library.quarantine.all()
        ]
        requests = [
            HeldThing(
                id=each.request_id,
                what="request" if each.sheet is None else "input",
                at=each.at,
                category=each.category,
                about=each.about,
                look_at=each.sheet,
            )
            for each in self.requests.all()
        ]
        return [*clips, *requests]

    def release(self, held_id: str) -> Clip | None:
        """Publish a held clip; or allow a held request once, which gives None. Raises NotFound, ArchiveError."""
        if not self.library.quarantine.has(held_id):
            self.requests.allow(held_id)
            self.audit.reviewed(held_id, "allowed once")
            return None
        clip = self.library.quarantine.release(held_id)
        self.audit.reviewed(held_id, "released")
        self.settle()
        return clip

    def delete(self, held_id: str) -> None:
        """For good. Raises NotFound, ArchiveError."""
        if self.library.quarantine.has(held_id):
            self.library.remove(held_id)
            self.draft_latents.remove(held_id)
        else:
            self.requests.delete(held_id)
        self.audit.reviewed(held_id, "deleted")
        self.settle()

    def settle(self) -> None:
        """Have the records of held jobs say what became of their clips."""
        settle_reviewed(self.jobs, self.library)


def settle_reviewed(jobs: JobStore, library: Library) -> None:
    """A held job whose clip was released succeeded; one whose clip is gone was refused."""
    for job in jobs.held():
        if job.clip_id is None or job.started_at is None:
            continue  # its words or inputs were held: it made no clip
        with calling(job.owner):  # whose trash it may lie in
            was_published = library.was_published(job.clip_id)
        if was_published:
            jobs.reviewed(job.job_id, states.Succeeded(job.clip_id))
        elif not library.quarantine.has(job.clip_id):
            jobs.reviewed(job.job_id, DELETED)
