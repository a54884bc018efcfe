import type { Logger } from '#libs/telemetry';

/** Moments of a call at which a fault test wants its worker to stand still, in their order. */
export const pauseStages = ['attempt-noted', 'streaming', 'upstream-finished', 'usage-stored'] as const;
/** `attempt-noted`: before the upstream is called; `upstream-finished`: before the usage is published. */
export type PauseStage = (typeof pauseStages)[number];

/** For fault tests (`MODAPI_PAUSE_AT`): the first call that reaches the stage stops there for ever; inert when unset. */
export class PausePoints {
  private used = false;

  constructor(
    private readonly stage: PauseStage | undefined,
    private readonly logger: Logger,
  ) {}

  /** True once: this call must not go on. */
  stopsAt(stage: PauseStage, requestId: string): boolean {
    if (this.stage !== stage || this.used) return false;
    this.used = true;
    this.logger.warn({ requestId }, `paused at ${stage}`);
    return true;
  }
}
