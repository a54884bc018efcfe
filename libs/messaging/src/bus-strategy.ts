import { type ArgumentsHost, Catch, type RpcExceptionFilter } from '@nestjs/common';
import { BaseRpcContext, type MessageHandler, Server as TransportServer } from '@nestjs/microservices';
import { isObservable, lastValueFrom, type Observable, throwError } from 'rxjs';
import { GatewayError } from '#libs/contracts';
import type { Bus, IncomingCall, Server } from './bus.js';
import { errorFields, type MessagingLogger } from './messaging-logger.js';

/** Transport id of the bus: a pattern without it would be served by every transport of a hybrid application. */
export const BUS_TRANSPORT = Symbol.for('modapi.bus-transport');

/**
 * Hands a handler's error on as it is. Nest's own filter turns every error but its RpcException into "Internal server
 * error", and the caller would never see a 404.
 */
@Catch()
export class CallErrorFilter implements RpcExceptionFilter {
  catch(error: unknown, _host: ArgumentsHost): Observable<never> {
    return throwError(() => error);
  }
}

const noContext = new BaseRpcContext([]);

/** Serves the application's `@Serves` handlers on the bus: each gets the `IncomingCall` as its payload. */
export class BusStrategy extends TransportServer {
  override readonly transportId = BUS_TRANSPORT;
  private servers: Server[] = [];

  constructor(
    private readonly bus: Bus,
    /** Of the app: processes of one name share its calls. */
    private readonly queue: string,
    /** Where errors that callers must not see are told; Nest's logger when absent. */
    private readonly callLogger?: Pick<MessagingLogger, 'error'>,
  ) {
    super();
  }

  /** The subjects that have a handler; complete once the application is initialised. */
  get patterns(): readonly string[] {
    return [...this.messageHandlers.keys()];
  }

  override listen(callback: (error?: unknown) => void): void {
    for (const [subject, handler] of this.messageHandlers) {
      // Looked up here, once: per message it costs as much as the rest of the dispatch.
      this.servers.push(this.bus.serve(subject, this.queue, (call) => void this.run(handler, call)));
    }
    // Ready means that the broker routes to us, not that we asked it to.
    this.bus.flush().then(() => callback(), callback);
  }

  /** Serves nothing new and waits for the calls in flight. */
  override async close(): Promise<void> {
    const servers = this.servers;
    this.servers = [];
    await Promise.all(servers.map((server) => server.stop()));
  }

  override on(): never {
    throw new Error('the bus has no transport events; read `connected`');
  }

  override unwrap<T>(): T {
    return this.bus as T;
  }

  private async run(handler: MessageHandler, call: IncomingCall): Promise<void> {
    try {
      const result: unknown = await handler(call, noContext);
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
      this.closeForgotten(call);
    } catch (error) {
      this.fail(call, error);
    }
  }

  /** A handler that returns is done; a call that it left open would hang its caller and every stop. */
  private closeForgotten(call: IncomingCall): void {
    if (call.isFinished) return;
    if (!call.signal.aborted) this.report(call, new Error('a handler returned without end() or fail()'));
    call.fail(GatewayError.from(undefined).toJson());
  }

  private fail(call: IncomingCall, error: unknown): void {
    const known = GatewayError.from(error);
    if (known !== error && !call.signal.aborted) this.report(call, error);
    call.fail(known.toJson());
  }

  private report(call: IncomingCall, error: unknown): void {
    const fields = { subject: call.subject, error: errorFields(error) };
    if (this.callLogger) this.callLogger.error(fields, 'a handler failed');
    else this.logger.error(fields.error.message, fields.error.stack, call.subject);
  }
}
