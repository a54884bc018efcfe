import { orExit, stopOnSignals } from '#libs/runtime';
import { startStandalone } from './start-standalone.js';
import { welcomeText } from './welcome.js';

const standalone = await orExit('modapi', () => startStandalone(process.env));
const { baseUrl, dataDirectory, logger } = standalone;
stopOnSignals({
  stop: () => {
    const calls = standalone.callsInFlight;
    if (calls > 0) process.stdout.write(`waiting for ${calls} call${calls === 1 ? '' : 's'}; Ctrl-C again cuts them\n`);
    return standalone.stop();
  },
  reloadConfig: () => standalone.reloadConfig(),
  crashed: (error) => logger.error({ error }, 'an error that nobody caught; stopping'),
});
const clientEnv = dataDirectory.writeClientEnv(baseUrl);
const seconds = process.uptime();
process.stdout.write(welcomeText({ baseUrl, apiKey: dataDirectory.secrets.apiKey, clientEnv, seconds }));
