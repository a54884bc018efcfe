import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, type INestMicroservice, UseFilters } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { concat, defer, type Observable, of, throwError } from 'rxjs';
import { GatewayError } from '#libs/contracts';
import type { Bus, IncomingCall } from './bus.js';
import { BUS_TRANSPORT, BusStrategy, CallErrorFilter } from './bus-strategy.js';
import { collectReply } from './collect-reply.js';
import { createInProcessBus } from './in-process/in-process-bus.js';
import type { MessagingLogFields } from './messaging-logger.js';
import { callTo } from './testing/recorded-sink.js';

const serves = (subject: string): MethodDecorator => MessagePattern(subject, BUS_TRANSPORT);

@Controller()
@UseFilters(CallErrorFilter)
class TestController {
  @serves('call.v1.echo')
  async echo(call: IncomingCall): Promise<void> {
    call.sendHead({ status: 200, headers: {} });
    await sleep(50);
    call.write(call.body);
    call.end();
  }

  @serves('call.v1.refuse')
  refuse(): Promise<void> {
    return Promise.reject(new GatewayError('model_not_found', 'no such model', { param: 'model' }));
  }

  @serves('call.v1.crash')
  crash(): Promise<void> {
    throw new Error('a secret of ours');
  }

  @serves('call.v1.forget')
  forget(_call: IncomingCall): Promise<void> {
    return Promise.resolve();
  }

  @serves('call.v1.observe')
  observe(call: IncomingCall): Observable<unknown> {
    const last = defer(() => {
      call.sendHead({ status: 200, headers: {} });
      call.end({ observed: true });
      return of(2);
    });
    return concat(of(1), last);
  }

  @serves('call.v1.observe.error')
  observeError(): Promise<Observable<never>> {
    return Promise.resolve(throwError(() => new GatewayError('overloaded', 'later')));
  }

  @MessagePattern('call.v1.elsewhere', Symbol('another transport'))
  elsewhere(): void {}
}

describe('BusStrategy', () => {
  const logged: MessagingLogFields[] = [];
  let bus: Bus;
  let strategy: BusStrategy;
  let app: INestMicroservice;

  beforeAll(async () => {
    bus = createInProcessBus();
    strategy = new BusStrategy(bus, 'test', { error: (fields) => void logged.push(fields) });
    const testing = await Test.createTestingModule({ controllers: [TestController] }).compile();
    app = testing.createNestMicroservice({ strategy, logger: false });
    await app.listen();
  });
  afterAll(() => app.close());

  const failureOf = async (subject: string): Promise<unknown> => {
    const reply = collectReply(bus, callTo(subject));
    return reply.then(
      () => undefined,
      (error: { gateway?: unknown }) => error.gateway,
    );
  };

  it('names the subjects that have a handler', () => {
    expect(strategy.patterns).toContain('call.v1.echo');
    expect(strategy.patterns).not.toContain('call.v1.elsewhere');
    expect(strategy.patterns).toHaveLength(6);
  });

  it('hands the call to its handler', async () => {
    const { head, body } = await collectReply(bus, callTo('call.v1.echo', { body: Buffer.from('hello') }));
    expect([head.status, body.toString()]).toEqual([200, 'hello']);
  });

  it('hands a GatewayError to the caller', async () => {
    expect(await failureOf('call.v1.refuse')).toEqual({
      ...{ code: 'model_not_found', message: 'no such model', param: 'model' },
    });
    expect(logged).toEqual([]);
  });

  it('tells a crash to the log and to nobody else', async () => {
    const failure = await failureOf('call.v1.crash');
    expect(failure).toMatchObject({ code: 'internal_error' });
    expect(JSON.stringify(failure)).not.toContain('secret');
    expect(logged.pop()).toMatchObject({ subject: 'call.v1.crash', error: { message: 'a secret of ours' } });
  });

  it('ends the call that a handler forgot', async () => {
    expect(await failureOf('call.v1.forget')).toMatchObject({ code: 'internal_error' });
    expect(logged.pop()?.error?.message).toContain('without end()');
  });

  it('waits for handlers that answer with an Observable', async () => {
    const { trailer } = await collectReply(bus, callTo('call.v1.observe'));
    expect(trailer).toEqual({ observed: true });
    expect(await failureOf('call.v1.observe.error')).toEqual({ code: 'overloaded', message: 'later' });
  });

  it('waits for calls in flight when it closes, and serves no more', async () => {
    const reply = collectReply(bus, callTo('call.v1.echo', { body: Buffer.from('last') }));
    await sleep(10);
    await strategy.close();
    expect((await reply).body.toString()).toBe('last');
    await expect(collectReply(bus, callTo('call.v1.echo'))).rejects.toMatchObject({ reason: 'no_responders' });
  });
});
