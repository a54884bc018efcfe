import { describe, expect, it } from '@jest/globals';
import { AddressRules } from './address-rules.js';
import { checkMediaUrl, isDataUrl, requireMediaUrl } from './media-url.js';
import { allowedUrls, refusedUrls } from './testing/url-corpus.js';

describe('a URL that a caller sends', () => {
  it.each(Object.entries(refusedUrls))('is refused: %s', (_, urls) => {
    expect(urls.filter((url) => checkMediaUrl(url).refused === undefined)).toEqual([]);
  });

  it('is refused in more than 200 ways, no two alike', () => {
    const all = Object.values(refusedUrls).flat();
    expect(all.length).toBeGreaterThan(200);
    expect(new Set(all).size).toBe(all.length);
  });

  it('is taken when it may be a public web server', () => {
    expect(allowedUrls.filter((url) => checkMediaUrl(url).refused !== undefined)).toEqual([]);
  });

  it('is bounded', () => {
    expect(checkMediaUrl(`https://example.com/${'a'.repeat(8_192)}`).refused).toMatch(/longer/);
  });

  it('is not repeated in the error, and the error says what to do', () => {
    const act = () => requireMediaUrl('http://user:hunter2@example.com/', 'messages[0].content[0].image_url');
    expect(act).toThrow(
      expect.objectContaining({
        code: 'image_url_not_allowed',
        param: 'messages[0].content[0].image_url',
        message: expect.stringMatching(/^(?!.*hunter2).*public http or https URL/) as unknown,
      }),
    );
  });

  it('is told from data', () => {
    expect(['data:image/png;base64,', 'DATA:x', 'https://data:1/', ' data:'].map(isDataUrl)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('ranges that the operator opened', () => {
  const rules = AddressRules.parse('10.1.0.0/16, 127.0.0.1 fd12::/48');

  it('let their addresses pass on any port, and no others', () => {
    const passes = (url: string) => checkMediaUrl(url, rules).refused === undefined;
    expect(
      ['http://10.1.2.3:9000/', 'http://127.0.0.1:81/', 'http://2130706433/', 'http://[fd12::9]:9000/'].map(passes),
    ).toEqual([true, true, true, true]);
    expect(
      [
        'http://10.2.0.1/',
        'http://127.0.0.2/',
        'http://[fd13::9]/',
        'http://[::ffff:127.0.0.1]/',
        'http://169.254.169.254/',
        'http://8.8.8.8:9000/',
      ].map(passes),
    ).toEqual([false, false, false, false, false, false]);
  });

  it('leave names to be judged by where they lead', () => {
    expect(checkMediaUrl('http://minio.internal:9000/a', rules).refused).toBeUndefined();
    expect(checkMediaUrl('ftp://minio.internal/a', rules).refused).toBeDefined();
  });

  it('must be ranges', () => {
    for (const wrong of [
      '10.0.0.0/33',
      'example.com',
      '10.0.0',
      '010.0.0.0/8',
      '0x7f000001',
      '2130706433/8',
      '::1/129',
      'fe80::1%eth0/64',
      '/8',
    ]) {
      expect(() => AddressRules.parse(wrong)).toThrow(wrong.split('/')[0] || 'not a range');
    }
    expect(AddressRules.parse('').isOpened).toBe(false);
  });
});

describe('an address', () => {
  it('is public or it is refused', () => {
    const judge = (address: string) => AddressRules.publicOnly.judge(address);
    expect(['8.8.8.8', '93.184.216.34', '2606:4700:4700::1111', '2a00:1450:4001::1'].map(judge)).toEqual(
      Array(4).fill('public'),
    );
    const refused = [
      '',
      'localhost',
      '127.1',
      '2130706433',
      '::ffff:8.8.8.8',
      '::8.8.8.8',
      '2002:808:808::1',
      '64:ff9b::808:808',
      'fe80::1%2',
      '::',
      '0.0.0.0',
    ];
    expect(refused.map((address) => [address, judge(address)])).toEqual(refused.map((address) => [address, 'refused']));
  });
});
