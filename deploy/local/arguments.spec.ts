import { describe, expect, it } from '@jest/globals';

interface Arguments {
  readonly parseArguments: (argv: readonly string[]) => Record<string, unknown>;
  readonly help: string;
}
// Plain JavaScript without types: it runs before anything is installed.
const { parseArguments, help }: Arguments = await import('./arguments.mjs' as string);

describe('parseArguments', () => {
  it('reads every option, with a space or an equals sign', () => {
    const argv = ['--port', '0', '--host=::1', '--data-dir', 'here', '--config=modapi.yaml', '--cluster'];
    expect(parseArguments([...argv, '--scale', 'text=2,ingress=3', '--watch'])).toEqual({
      port: 0,
      host: '::1',
      dataDir: 'here',
      config: 'modapi.yaml',
      cluster: true,
      scale: { text: 2, ingress: 3 },
      watch: true,
      help: false,
    });
  });

  it('leaves out what was not said', () => {
    expect(parseArguments([])).toMatchObject({ port: undefined, dataDir: undefined, cluster: false, scale: {} });
  });

  it.each([
    [['--prot', '80'], 'unknown option --prot; did you mean --port? (--help lists all)'],
    [['--data'], 'unknown option --data; did you mean --data-dir? (--help lists all)'],
    [['serve'], 'unknown option serve (--help lists all)'],
    [['--cluster=yes'], 'unknown option --cluster=yes; did you mean --cluster? (--help lists all)'],
    [['--port'], '--port needs a value'],
    [['--port='], '--port needs a value'],
    [['--port', '80a'], '--port needs a whole number from 0 to 65535, not 80a'],
    [['--port', '65536'], '--port needs a whole number from 0 to 65535, not 65536'],
    [['--scale', 'text=2'], '--scale needs --cluster'],
    [['--cluster', '--scale', 'txt=2'], '--scale knows ingress, text, embedding, audio, image, billing, not txt'],
    [['--cluster', '--scale', 'text'], '--scale is written app=number, e.g. text=2, not text'],
    [['--cluster', '--scale', 'text=0'], '--scale text needs a whole number from 1 to 64, not 0'],
  ])('refuses %j in one line', (argv, message) => {
    expect(() => parseArguments(argv)).toThrow(message);
  });

  it('has every option in its help', () => {
    for (const option of ['--port', '--host', '--data-dir', '--config', '--cluster', '--scale', '--watch']) {
      expect(help).toContain(option);
    }
  });
});
