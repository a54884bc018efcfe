import { describe, expect, it } from '@jest/globals';
import { checkMedia, mediaSecretFrom, mediaUrlOf, signMedia } from './media-link.js';

const secret = mediaSecretFrom('a-pepper-of-at-least-thirty-two-characters');
const name = 'org_1/Zm9vYmFy.png';
const link = signMedia(name, 2_000, secret);
const check = (changed: Partial<typeof link>, as = name, now = 1_000) =>
  checkMedia(as, { ...link, ...changed }, { secret, now });

describe('a media link', () => {
  it('is good until it expires', () => {
    expect([check({}), check({}, name, 1_999), check({}, name, 2_000)]).toEqual(['good', 'good', 'expired']);
  });

  it.each([
    ['another name', check({}, 'org_2/Zm9vYmFy.png')],
    ['a later end', check({ expires: 3_000 })],
    ['a letter more', check({ signature: `${link.signature}A` })],
    ['a letter less', check({ signature: link.signature.slice(0, -1) })],
    ['another spelling of the same bytes', check({ signature: `${link.signature}=` })],
    ['nothing', check({ signature: '' })],
    ['another secret', checkMedia(name, link, { secret: 'other', now: 1_000 })],
  ])('is forged with %s', (_what, state) => {
    expect(state).toBe('forged');
  });

  it.each(['../keys.json', 'a/../../b', '/etc/passwd', 'a//b', '.hidden', 'a b', 'a?b', ''])(
    'never names %j, even signed',
    (bad) => {
      expect(checkMedia(bad, signMedia(bad, 2_000, secret), { secret, now: 1_000 })).toBe('forged');
    },
  );

  it('is a URL', () => {
    const url = mediaUrlOf('https://gateway.example/v1/media/', name, link);
    expect(url).toBe(`https://gateway.example/v1/media/${name}?expires=2000&signature=${link.signature}`);
  });
});
