"""What `ltx-mcp doctor` says of moderation: the rules, what looks and reads, and what waits for the person."""

from ltx_mcp.archive.quarantine import Quarantine
from ltx_mcp.hub.cache import local_hub
from ltx_mcp.moderation.fetched import NSFW_384, QWEN3_GUARD
from ltx_mcp.moderation.held_requests import HeldRequests
from ltx_mcp.parts import make_classifier, make_policy, make_reader
from ltx_mcp.settings import Settings


def prompt_rules(settings: Settings) -> str:
    """Raises SettingsError for a policy file that cannot be used."""
    make_policy(settings)
    return f"built in, and {settings.policy}" if settings.policy else "built in"


def frame_classifier(settings: Settings) -> str:
    """By loading it, and what would be added. Raises ModerationUnavailable."""
    classifier = make_classifier(settings)
    classifier.load()
    if settings.moderation != "auto" or NSFW_384.folder(local_hub()) is not None:
        return classifier.name
    return f"{classifier.name}. `ltx-mcp setup` fetches {NSFW_384.name}, which was trained on drawings too."


def guard_model(settings: Settings) -> str:
    """By loading it, where it is here. Raises ModerationUnavailable."""
    if settings.guard == "off":
        return "none: LTX_MCP_GUARD=off"
    reader = make_reader(settings)
    if reader is None:
        return f"none: the rules alone read requests. `ltx-mcp setup` fetches {QWEN3_GUARD.name}."
    reader.load()
    return reader.name


def held(settings: Settings) -> str:
    """How much waits for the person's decision, and where to make it."""
    clips = len(Quarantine(settings.data_dir, settings.data_dir / "clips").clip_ids())
    requests = len(HeldRequests(settings.data_dir).all())
    if not clips + requests:
        return "nothing is held"
    counts = {"clip": clips, "request": requests}
    counted = [f"{count} {what}{'s' * (count > 1)}" for what, count in counts.items() if count]
    return f"{' and '.join(counted)}: `ltx-mcp review` shows them, and you decide"
