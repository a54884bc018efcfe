import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { EgressClient } from '#libs/providers';
import { Router } from '#libs/routing';

/** The way to the providers: whom to ask, and the connections. One per worker. */
@Injectable()
export class Outbound implements OnApplicationShutdown {
  readonly router = new Router();
  readonly egress = new EgressClient();

  /** After the last call: what is still open is idle. */
  async onApplicationShutdown(): Promise<void> {
    await this.egress.close();
  }
}
