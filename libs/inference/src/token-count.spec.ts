import { describe, expect, it } from '@jest/globals';
import { countPrompt, countText } from './token-count.js';

const prompt = (body: object) => countPrompt(Buffer.from(JSON.stringify(body)));

describe('counting tokens', () => {
  it('counts as OpenAI’s newer models do', async () => {
    expect(await countText('Hello there')).toEqual({ tokens: 2, exact: true });
    expect(await countText('')).toEqual({ tokens: 0, exact: true });
    expect(await countText('<|endoftext|>')).toMatchObject({ exact: true });
  });

  it('counts messages, names and tools of a request', async () => {
    // 3 for the message, 1 for its role, 2 for its text, 3 for the reply.
    const one = await prompt({ messages: [{ role: 'user', content: 'Hello there' }] });
    expect(one).toEqual({ tokens: 9, exact: true });
    const parts = await prompt({ messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello there' }] }] });
    expect(parts).toEqual(one);
    const tools = await prompt({ messages: [], tools: [{ type: 'function', function: { name: 'f' } }] });
    expect(tools.tokens).toBeGreaterThan(10);
  });

  it('says that it only estimates images, files and large texts', async () => {
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(9000)}` } };
    const withImage = await prompt({ messages: [{ role: 'user', content: [image, { type: 'file', file: {} }] }] });
    expect(withImage.exact).toBe(false);
    expect(withImage.tokens).toBeLessThan(800);
    expect(await countText('word '.repeat(20_000))).toEqual({ tokens: 25_000, exact: false });
    expect((await prompt({ messages: [{ role: 'user', content: 'word '.repeat(40_000) }] })).exact).toBe(false);
  });

  it('is not held up by a run without a break', async () => {
    const { tokens, exact } = await countText('x'.repeat(60_000));
    expect(exact).toBe(true);
    expect(tokens).toBeGreaterThan(5_000);
  });

  it('survives shapes that only the provider would refuse', async () => {
    expect(await prompt({})).toMatchObject({ tokens: 3 });
    expect(await prompt({ messages: [null, 7, { content: [null, 7, 'text'] }] })).toMatchObject({ exact: false });
  });
});
