import { Inject, Injectable } from '@nestjs/common';
import { HoldsClient } from '#libs/holds';
import type { Bus } from '#libs/messaging';
import { BUS, LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { PausePoints } from './pause-points.js';

/** The way to the rest of the gateway. One per worker. */
@Injectable()
export class GatewayLinks {
  constructor(
    @Inject(BUS) readonly bus: Bus,
    @Inject(LOGGER) readonly logger: Logger,
    @Inject(HoldsClient) readonly holds: HoldsClient,
    @Inject(PausePoints) readonly pauses: PausePoints,
  ) {}
}
