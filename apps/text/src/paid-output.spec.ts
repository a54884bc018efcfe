import { describe, expect, it } from '@jest/globals';
import { PaidOutput } from './paid-output.js';

/** A ledger that answers when the test says. */
function paidOutput(tokens: number) {
  const asked: { step: number; nanos: bigint; answer: (granted: boolean | Error) => Promise<void> }[] = [];
  const extend = (step: number, nanos: bigint) => {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const answer = async (granted: boolean | Error) => {
      if (typeof granted === 'boolean') resolve(granted);
      else reject(granted);
      await new Promise((done) => setImmediate(done));
    };
    asked.push({ step, nanos, answer });
    return promise;
  };
  return { paid: new PaidOutput({ tokens, outputNanos: 600_000_001n, extend }), asked };
}

describe('PaidOutput', () => {
  it('asks at half of the hold, once at a time, with the cost rounded up', () => {
    const { paid, asked } = paidOutput(1_024);
    expect([paid.lookAt, paid.look(511), asked.length]).toEqual([512, 'go', 0]);
    expect([paid.look(512), paid.look(700), asked.length]).toEqual(['go', 'go', 1]);
    expect(asked[0]).toMatchObject({ step: 1, nanos: 1_228_801n });
    expect(paid.lookAt).toBe(1_024);
  });

  it('asks again when less than 1,024 tokens are left', async () => {
    const { paid, asked } = paidOutput(1_024);
    paid.look(600);
    await asked[0]!.answer(true);
    expect(paid.lookAt).toBe(2_048);
    expect([paid.look(2_047), asked.length]).toEqual(['go', 1]);
    expect([paid.look(2_048), asked.length, asked[1]!.step]).toEqual(['go', 2, 2]);
  });

  it('waits at the end of what is paid for until the answer is there', async () => {
    const { paid, asked } = paidOutput(100);
    let answers = 0;
    paid.onAnswer = () => answers++;
    expect(paid.look(130)).toBe('wait');
    await asked[0]!.answer(true);
    expect([answers, paid.look(130)]).toEqual([1, 'go']);
  });

  it('asks for half as much after a refusal, down to 128 tokens, and then stops at the end for good', async () => {
    const { paid, asked } = paidOutput(100);
    paid.look(50);
    for (let step = 0; step < 5; step++) await asked[step]!.answer(false);
    expect(asked.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(asked.map(({ nanos }) => nanos)).toEqual([1_228_801n, 614_401n, 307_201n, 153_601n, 76_801n]);
    expect([paid.look(99), paid.look(100), paid.limit, asked.length]).toEqual(['go', 'stop', 100, 5]);
    expect(paid.stopReason).toBe('balance');
  });

  it('goes on with what was granted at last, and asks for no more than that again', async () => {
    const { paid, asked } = paidOutput(100);
    paid.look(50);
    await asked[0]!.answer(false);
    await asked[1]!.answer(true);
    expect([paid.look(1_000), asked.length]).toEqual(['go', 3]);
    expect(asked[2]).toMatchObject({ step: 3, nanos: 614_401n });
  });

  it('asks a ledger that gave no answer once more, the same again, and then stops for its sake', async () => {
    const { paid, asked } = paidOutput(1_024);
    paid.look(600);
    await asked[0]!.answer(new Error('no answer'));
    expect([paid.lookAt, paid.look(700), asked.length]).toEqual([812, 'go', 1]);
    paid.look(812);
    expect(asked[1]).toMatchObject({ step: 1, nanos: asked[0]!.nanos });
    await asked[1]!.answer(new Error('no answer'));
    expect([paid.look(1_023), paid.look(1_024), asked.length]).toEqual(['go', 'stop', 2]);
    expect(paid.stopReason).toBe('ledger');
  });

  it('does not ask again where all that is paid for is used when no answer came', async () => {
    const { paid, asked } = paidOutput(100);
    let verdict = '';
    paid.onAnswer = () => (verdict = paid.look(130));
    expect(paid.look(130)).toBe('wait');
    await asked[0]!.answer(new Error('no answer'));
    expect([verdict, asked.length, paid.stopReason]).toEqual(['stop', 1, 'ledger']);
  });

  it('forgets that there was no answer when there is one', async () => {
    const { paid, asked } = paidOutput(1_024);
    paid.look(600);
    await asked[0]!.answer(new Error('no answer'));
    paid.look(900);
    await asked[1]!.answer(true);
    paid.look(2_100);
    await asked[2]!.answer(new Error('no answer'));
    expect([paid.limit, paid.look(3_000), asked.length]).toEqual([Infinity, 'go', 4]);
  });

  it('of a hold of full size ends a quarter and 64 tokens beyond it, and asks nobody', () => {
    const paid = new PaidOutput({ tokens: 1_000, outputNanos: 1n, extend: undefined });
    expect([paid.look(1_313), paid.look(1_314), paid.stopReason]).toEqual(['go', 'stop', 'length']);
  });
});
