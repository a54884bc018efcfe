import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Bus } from '#libs/messaging';
import { BUS } from '#libs/runtime';
import { Public } from '../auth/public.decorator.js';
import { DrainState } from '../http/drain.state.js';

/** Probes of orchestrators and load balancers, and a hint for whoever opens the base URL. */
@Controller()
export class HealthController {
  constructor(
    @Inject(BUS) private readonly bus: Bus,
    private readonly drain: DrainState,
  ) {}

  @Public()
  @Get()
  hint(): object {
    return { name: 'ModAPI', base_url: '/v1', documentation: '/openapi.json' };
  }

  /** The process lives. */
  @Public()
  @Get('healthz')
  health(): object {
    return { status: 'ok' };
  }

  /** The process may get calls: its configuration is read (or it had not started), the bus is there, no drain began. */
  @Public()
  @Get('readyz')
  ready(@Res({ passthrough: true }) reply: FastifyReply): object {
    if (!this.drain.draining && this.bus.connected) return { status: 'ok' };
    reply.code(HttpStatus.SERVICE_UNAVAILABLE);
    return { status: this.drain.draining ? 'draining' : 'bus_disconnected' };
  }
}
