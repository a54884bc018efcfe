import { describe, expect, it } from '@jest/globals';
import { type RemoteMedia, remoteMediaIn, withMedia } from './remote-media.js';

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const image = (url: unknown) => ({ type: 'image_url', image_url: url });
const chat = (...content: unknown[]) => ({ model: 'm', messages: [{ role: 'user', content }] });
const told = (body: Uint8Array) => remoteMediaIn(body).map(({ kind, url, param }) => `${kind} ${url} ${param}`);

describe('files that a chat names by URL', () => {
  it('are found wherever they may stand', () => {
    const body = bytesOf({
      tools: [{ type: 'function', image_url: { url: 'https://a.test/no' } }],
      messages: [
        { role: 'system', content: 'see image_url: https://a.test/no' },
        {
          role: 'user',
          content: [
            { type: 'text', text: '"image_url":{"url":"x"}' },
            image({ detail: 'low', url: 'https://a.test/1' }),
          ],
        },
        { role: 'assistant', tool_calls: [{ function: { content: [{ image_url: 'https://a.test/no' }] } }] },
        {
          role: 'user',
          image_url: { url: 'https://a.test/no' },
          content: [
            image('https://a.test/2'),
            image({ url: 'data:image/png;base64,AA==' }),
            { type: 'video_url', video_url: { url: 'https://a.test/3' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'audio_url', audio_url: { url: 'https://ä.test/4' } },
            image({ url: null }),
            image(7),
            image(null),
          ],
        },
      ],
      metadata: { messages: [{ content: [image('https://a.test/no')] }] },
    });
    expect(told(body)).toEqual([
      'image https://a.test/1 messages[1].content[1].image_url',
      'image https://a.test/2 messages[3].content[0].image_url',
      'video https://a.test/3 messages[3].content[2].video_url',
      'audio https://ä.test/4 messages[4].content[0].audio_url',
    ]);
    for (const { start, end, url } of remoteMediaIn(body)) {
      expect(JSON.parse(body.toString('utf8', start, end))).toBe(url);
    }
  });

  it('are found behind escapes', () => {
    const body = bytesOf(
      '{"model":"m","mess\\u0061ges":[{"role":"user","content":[{"type":"image_url","image\\u005furl":{"\\u0075rl":"https:\\/\\/a.test\\/\\u0031"}}]}]}',
    );
    expect(told(body)).toEqual(['image https://a.test/1 messages[0].content[0].image_url']);
  });

  it('are replaced, and not a byte beside them', () => {
    const text =
      '{ "seed": 12345678901234567890, "messages":[{"role":"user","content":[{"type":"image_url","image_url": {"url" : "https:\\/\\/a.test\\/1" , "detail":"low"}},{"image_url":"https://a.test/2"}]}],"temperature":1.0}';
    const body = bytesOf(text);
    const [one, two] = remoteMediaIn(body) as [RemoteMedia, RemoteMedia];
    const urls = new Map([
      [one, 'data:image/png;base64,AAA='],
      [two, 'data:image/gif;base64,BBB='],
    ]);
    expect(Buffer.from(withMedia(body, urls)).toString()).toBe(
      text
        .replace('https:\\/\\/a.test\\/1', 'data:image/png;base64,AAA=')
        .replace('https://a.test/2', 'data:image/gif;base64,BBB='),
    );
  });

  it('are none where there are none', () => {
    for (const content of ['text', 'https://a.test', null]) {
      expect(remoteMediaIn(bytesOf({ messages: [{ role: 'user', content }] }))).toEqual([]);
    }
    expect(told(bytesOf(chat({ type: 'text', text: 'what is _url?' })))).toEqual([]);
  });

  it('are refused behind brackets that are too deep to walk', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 40; depth++) deep = [deep];
    expect(() => remoteMediaIn(bytesOf({ tools: deep, ...chat(image('https://a.test/1')) }))).toThrow(/30 deep/);
  });

  it('cost little when there are none', () => {
    const text = JSON.stringify(chat({ type: 'text', text: 'word é '.repeat(150_000) }));
    const body = bytesOf(text.replaceAll('é', '\\u00e9'));
    remoteMediaIn(body);
    const started = performance.now();
    for (let count = 0; count < 20; count++) remoteMediaIn(body);
    expect((performance.now() - started) / 20).toBeLessThan(10);
  });
});
