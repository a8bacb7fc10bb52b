"""What this machine makes clips with: the engine, the installed LoRAs, the makers of control signals, the narrator."""

from dataclasses import dataclass

from anyio import to_thread

from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import Engine, ModelCard
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.narration.base import Narrator
from ltx_mcp.studio.capabilities import Capabilities, capabilities
from ltx_mcp.studio.lora_list import LoraList, lora_list
from ltx_mcp.studio.offers import ExpectedS, Offer, offers
from ltx_mcp.types.requests import Control
from ltx_mcp.types.sizes import Resolution


@dataclass(frozen=True)
class Equipment:
    """Shared by admission, which prepares jobs for it, and by the questions of what can be made."""

    engine: Engine
    loras: InstalledLoras
    controls: Controls
    narrator: Narrator

    def engine_card(self) -> ModelCard:
        """What the engine is. Blocks: the first call may probe the device, which takes seconds."""
        return self.engine.card

    async def card(self) -> ModelCard:
        """The same, on a worker thread."""
        return await to_thread.run_sync(self.engine_card)

    async def capabilities(self, expected_s: ExpectedS) -> Capabilities:
        """What can be made here, with times from past jobs."""
        loras = await to_thread.run_sync(self.loras.all)
        obstacles = await to_thread.run_sync(self._control_obstacles)
        return capabilities(await self.card(), expected_s, loras, obstacles, self.narrator.voices)

    async def offers(self, resolution: Resolution, expected_s: ExpectedS) -> tuple[Offer, ...]:
        """Everything that can be made here at one resolution."""
        return offers(await self.card(), expected_s, resolution)

    async def lora_list(self) -> LoraList:
        """The LoRAs that requests may name."""
        return lora_list(await to_thread.run_sync(self.loras.all))

    async def lora_names(self) -> list[str]:
        return await to_thread.run_sync(self.loras.names)

    def _control_obstacles(self) -> dict[Control, str]:
        """For each control signal why it cannot be made at the moment, or "" if it can."""
        obstacles: dict[Control, str] = dict.fromkeys(self.controls, "")
        for control, maker in self.controls.items():
            try:
                maker.ready()
            except ModelUnavailable as missing:
                obstacles[control] = str(missing)
        return obstacles
