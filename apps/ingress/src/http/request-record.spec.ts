import { describe, expect, it } from '@jest/globals';
import type { Logger } from '#libs/telemetry';
import { RequestRecord } from './request-record.js';

const nothing = (): void => undefined;
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

describe('whenClosed', () => {
  it('calls back once, what was added last first', () => {
    const record = new RequestRecord('req_1', undefined, false);
    const called: string[] = [];
    for (const name of ['file', 'call']) record.whenClosed(() => void called.push(name));
    expect(called).toEqual([]);
    record.close(200, true, logger);
    record.close(200, true, logger);
    expect(called).toEqual(['call', 'file']);
  });

  it('calls back at once when the response is closed already', () => {
    const record = new RequestRecord('req_1', undefined, false);
    record.close(undefined, false, logger);
    let called = 0;
    record.whenClosed(() => void called++);
    expect(called).toBe(1);
  });
});
